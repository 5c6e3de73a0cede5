"""The training phases and the checkpoints that can be imported: the classes of their parameters, and the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from brainflix.parts.params import Params, Window
from brainflix.parts.part import Part, Table


class ImportParams(Params):
    """Which checkpoint, and what none says of the rows that its network reads."""

    # What a file holds decides the key, not where it lies.
    path: Path = Field(exclude=True, description="the file or folder; the command's own argument")
    n_columns: int | None = Field(
        None,
        ge=1,
        description="grayordinates of a row before padding; left out, those of the published areas, or as padded",
    )
    heads: int | None = Field(None, ge=1, description="attention heads, where the settings do not say; 16 if left out")


class MbmImportParams(ImportParams):
    """mind-vis' and Brain Netflix' masked autoencoder (docs/methods/brain-netflix.md, Checkpoints)."""

    decoder_heads: int | None = Field(None, ge=1, description="heads of the decoder, where the settings do not say")
    mask_ratio: float | None = Field(None, ge=0, lt=1, description="share of hidden patches; 0.75 if nobody says")


class BlipImportParams(Params):
    """BLIP's captioner by its authors' names (docs/methods/brain-netflix.md, Checkpoints)."""

    # What files hold decides the key, not where they lie.
    path: Path = Field(exclude=True, description="the file; the command's own argument")
    tokenizer: Path = Field(exclude=True, description="folder of the tokenizer, that of bert-base-uncased")
    vision_heads: int | None = Field(None, ge=1, description="attention heads of the vision tower; 64 channels each")
    text_heads: int | None = Field(None, ge=1, description="attention heads of the text decoder; 64 channels each")


Preset = Literal["paper", "tiny"]


Fraction = Annotated[float, Field(ge=0, lt=1)]


_MASKED: dict[str, dict[str, Any]] = {
    "paper": {},
    "tiny": {
        "width": 64,
        "depth": 4,
        "heads": 2,
        "decoder_width": 32,
        "decoder_depth": 1,
        "decoder_heads": 2,
        "epochs": 8,
        "warmup_epochs": 1,
        "batch_size": 48,
        "lr": 2e-3,
    },
}


_CONTRASTIVE: dict[str, dict[str, Any]] = {
    "paper": {},
    "tiny": {"epochs": 5, "warmup_epochs": 1, "batch_size": 128, "lr": 2e-3, "monitor": "identification"},
}


def fill_preset(values: Any, presets: dict[str, dict[str, Any]]) -> Any:
    """Put a preset's values under the ones that were given; an unknown preset is left for the field to refuse."""
    if not isinstance(values, dict):
        return values
    return {**presets.get(str(values.get("preset", "paper")), {}), **values}


class LoopParams(Params):
    """What all phases share: AdamW, warm-up then half a cosine per iteration, clipping."""

    preset: Preset = "paper"
    epochs: int = Field(ge=0)
    warmup_epochs: float = Field(ge=0)
    batch_size: int = Field(ge=1)
    lr: float = Field(gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    betas: tuple[Fraction, Fraction] = (0.9, 0.95)
    clip_norm: float = Field(default=0.8, ge=0, description="0 switches clipping off")

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        if self.epochs and self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs {self.warmup_epochs} is longer than the {self.epochs} epochs")
        return self


class PhaseParams(LoopParams):
    """What phases that read brains share: augmentation, and which rows they see."""

    vertex_dropout: Fraction = 0.0
    average_repeats: bool = Field(default=False, description="train on the mean of a clip's repeats, not on each")
    window_tr: Window = Field(default=(0,), min_length=1, description="rows around a clip's own that it sees")


class MaskedParams(PhaseParams):
    """Masked brain modelling (Brain Netflix stage 1; recipe of mind-vis)."""

    epochs: int = Field(default=500, ge=0)
    warmup_epochs: float = Field(default=40, ge=0)
    batch_size: int = Field(default=100, ge=1)
    lr: float = Field(default=2.5e-4, gt=0)
    patch_size: int = Field(default=16, ge=1)
    width: int = Field(default=1024, ge=2)
    depth: int = Field(default=24, ge=1)
    heads: int = Field(default=16, ge=1)
    mlp_ratio: float = Field(default=1.0, gt=0)
    decoder_width: int = Field(default=512, ge=2)
    decoder_depth: int = Field(default=8, ge=1)
    decoder_heads: int = Field(default=16, ge=1)
    mask_ratio: Fraction = 0.75
    augment_factor: int = Field(default=1, ge=1, description="rows after midpoint augmentation, in multiples")
    compat: Literal["", "brainnetflix"] = Field(default="", description="brainnetflix: pad as the released code does")

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        for width, heads in (("width", "heads"), ("decoder_width", "decoder_heads")):
            wide, many = getattr(self, width), getattr(self, heads)
            if wide % 2 or wide % many:
                raise ValueError(f"{width} {wide} must be even and a multiple of {heads} {many}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _MASKED)


class ContrastiveParams(PhaseParams):
    """Alignment of the encoder with CLIP-like embeddings (Brain Netflix stage 1, second half)."""

    epochs: int = Field(default=30, ge=0)
    warmup_epochs: float = Field(default=2, ge=0)
    batch_size: int = Field(default=256, ge=1)
    lr: float = Field(default=5e-5, gt=0)
    vertex_dropout: Fraction = 0.2
    pool: Literal["mean", "cls"] = "mean"
    masked_weight: float = Field(default=0.0, ge=0, description="weight of the masked-modelling loss kept beside")
    first_scale: float = Field(default=1 / 0.07, gt=0)
    max_scale: float = Field(default=100.0, gt=0)
    patience: int = Field(default=5, ge=0, description="epochs without a better held-out score; 0 never stops early")
    monitor: Literal["top1", "identification"] = "top1"

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _CONTRASTIVE)


PARTS: Table = {
    "train": {
        "masked-brain-modelling": Part(
            "brainflix.train.phases:masked_phase",
            MaskedParams,
            "masked autoencoder over grayordinate patches, subjects pooled",
            needs=("rows",),
            takes=("start",),
            cites=("chen2023mindvis",),
        ),
        "clip-contrastive": Part(
            "brainflix.train.phases:contrastive_phase",
            ContrastiveParams,
            "tune the encoder so that its output matches the clips' CLIP embeddings",
            needs=("rows", "start", "embeddings"),
            cites=("fosco2024brainnetflix",),
        ),
    },
    "checkpoint": {
        "mbm": Part(
            "brainflix.train.imports:import_mbm",
            MbmImportParams,
            "masked autoencoder of mind-vis or Brain Netflix: a .pth with model and config",
            needs=(),
        ),
        "blip": Part(
            "brainflix.train.import_captioner:import_blip",
            BlipImportParams,
            "BLIP's captioner by its authors' names, such as model_base_capfilt_large.pth; --set tokenizer=FOLDER",
            needs=(),
            cites=("li2022blip",),
        ),
    },
}
