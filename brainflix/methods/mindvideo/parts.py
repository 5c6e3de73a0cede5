"""MinD-Video's parts: the classes of their parameters, and the table."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from brainflix.parts.params import Params, Window
from brainflix.parts.part import Part, Table
from brainflix.parts.weight_params import WeightParams
from brainflix.train.parts import Fraction, ImportParams, LoopParams, PhaseParams, fill_preset


class MindVideoContextParams(Params):
    """What MinD-Video's generator reads (docs/methods/mindvideo.md, Context)."""

    RELEASED: ClassVar = {"mindvideo": {"average": "rows"}}
    of: Literal["clips", "mean"] = Field(
        "clips", description="contexts of the test clips, or for each of them that of the mean row, for guidance"
    )
    average: Literal["contexts", "rows"] = Field(
        "contexts",
        description="what is averaged over a clip's repeats: what each is encoded to, or the rows before that",
    )
    compat: Literal["", "mindvideo"] = Field(
        "",
        description="mindvideo, as released: the mean row is that of the evaluation rows, not of the training rows; "
        "where the recipe does not say, rows are averaged over repeats",
    )


class MindVideoGeneratorParams(WeightParams):
    """Sampling from an inflated Stable Diffusion under decoded contexts (docs/methods/mindvideo.md, Generator).

    The weights give the autoencoder and the noise schedule; the denoiser is the artifact under the role `unet`.
    """

    FOLDERS: ClassVar[tuple[str, ...]] = ("vae", "scheduler")
    vae: str = Field("vae", description="folder of the autoencoder")
    scheduler: str = Field("scheduler", description="folder of the noise schedule")
    solver: Literal["folder", "ddim", "dpmsolver++"] = Field("folder", description="folder: the one that it names")
    steps: int = Field(200, ge=1, le=1000, description="solver steps; the authors give 50 for speed")
    guidance_scale: float = Field(12.5, ge=1, description="classifier-free guidance; 1 switches it off")
    size_px: int = Field(0, ge=0, le=8192, description="height and width; 0: the denoiser's own; the released need 256")
    sample: int = Field(0, ge=0, description="0 draws the run's own noise, every other number another one")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are generated")
    compat: Literal["", "mindvideo"] = Field(
        "", description="mindvideo: grey levels are cut to the whole number below, as released, not to the nearest"
    )


class MindVideoEncoderImportParams(ImportParams):
    """MinD-Video's fMRI encoder (docs/methods/mindvideo.md, Checkpoints)."""

    window_tr: Window | None = Field(
        None, min_length=1, description="rows around a clip's own in a window; left out, its own and those after it"
    )


_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "tiny": {
        "n_tokens": 12,
        "context_width": 64,
        "epochs": 6,
        "warmup_epochs": 1,
        "batch_size": 128,
        "lr": 2e-3,
        "logit_scale_init": round(math.log(1 / 0.07), 4),
        "monitor": "identification",
    },
}


class MindVideoContrastiveParams(PhaseParams):
    """Tuning towards CLIP embeddings of images and texts (docs/methods/mindvideo.md, Contrastive tuning).

    No training code of the paper was released: the sizes are those of its checkpoints, everything about optimisation
    and pooling is ours.
    """

    epochs: int = Field(default=30, ge=0)
    warmup_epochs: float = Field(default=2, ge=0)
    batch_size: int = Field(default=64, ge=1)
    lr: float = Field(default=5e-5, gt=0)
    vertex_dropout: Fraction = Field(default=0.2, description="share of the vertices hidden from a whole window")
    window_tr: Window = Field(
        default=(0, 1), min_length=1, description="rows around a clip's own that are seen as volumes of one window"
    )
    n_tokens: int = Field(default=77, ge=1, description="tokens of the context that a generator reads")
    context_width: int = Field(default=768, ge=1, description="channels of a token; image and text must have as many")
    final_norm: bool = Field(default=False, description="LayerNorm on the context")
    temporal: bool = Field(default=True, description="attention over the window in each block")
    pool: Literal["mean", "first"] = Field(
        default="mean", description="context to one embedding; how the paper did it is not known"
    )
    text_weight: Fraction = Field(default=0.5, description="weight of the text's loss; the image's has the rest")
    logit_scale_init: float = Field(
        default=1.0, ge=-10, le=10, description="as released; its exponential multiplies similarities"
    )
    max_scale: float = Field(default=100.0, gt=0)
    patience: int = Field(default=5, ge=0, description="epochs without a better held-out score; 0 never stops early")
    monitor: Literal["top1", "identification"] = "top1"
    compat: Literal["", "mindvideo"] = Field(
        default="", description="mindvideo: temporal attention starts at random, as released"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _PRESETS)


Layers = Literal["temporal", "cross-attention", "self-attention", "all"]


_VIDEO: dict[str, dict[str, Any]] = {
    "paper": {},
    "tiny": {"epochs": 1, "warmup_epochs": 0.1, "batch_size": 12, "lr": 4e-4},
}


_JOINT: dict[str, dict[str, Any]] = {
    "paper": {},
    "tiny": {"epochs": 4, "warmup_epochs": 0.2, "batch_size": 12, "lr": 4e-4, "average_repeats": True},
}


class DenoiserParams(WeightParams, LoopParams):
    """Where the denoiser starts, which of its layers are trained, and how often it sees no context."""

    FOLDERS: ClassVar[tuple[str, ...]] = ("unet", "scheduler")
    unet: str = Field("unet", description="folder of the image or video denoiser to start from")
    scheduler: str = Field("scheduler", description="folder of the noise schedule")
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    clip_norm: float = Field(default=1.0, ge=0, description="0 switches clipping off")
    train_layers: tuple[Layers, ...] = Field(("temporal", "cross-attention"), min_length=1)
    drop_context: Fraction = Field(0.1, description="share of the clips that get the mean context, for guidance")


class MindVideoVideoParams(DenoiserParams):
    """Tuning of the inflated image denoiser on clips with text, before any brain."""

    epochs: int = Field(default=20, ge=0)
    warmup_epochs: float = Field(default=1, ge=0)
    batch_size: int = Field(default=8, ge=1)
    lr: float = Field(default=3e-5, gt=0)
    train_layers: tuple[Layers, ...] = Field(("temporal", "cross-attention", "self-attention"), min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _VIDEO)


class MindVideoJointParams(DenoiserParams, PhaseParams):
    """Training of the encoder with some layers of the video denoiser (docs/methods/mindvideo.md, Co-training)."""

    epochs: int = Field(default=20, ge=0)
    warmup_epochs: float = Field(default=1, ge=0)
    batch_size: int = Field(default=8, ge=1)
    lr: float = Field(default=3e-5, gt=0)
    window_tr: Window = Field(default=(0, 1), min_length=1, description="rows that the encoder's window holds")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _JOINT)


PAPER = ("chen2023mindvideo",)
PARTS: Table = {
    "train": {
        "mindvideo-contrastive": Part(
            "brainflix.methods.mindvideo.train.phases:mindvideo_phase",
            MindVideoContrastiveParams,
            "tune MinD-Video's encoder of windows towards CLIP embeddings of images and texts",
            needs=("rows", "start", "image", "text"),
            cites=PAPER,
        ),
        "mindvideo-video": Part(
            "brainflix.methods.mindvideo.train.phases:video_phase",
            MindVideoVideoParams,
            "inflate an image denoiser to video and tune it on clips and their texts",
            needs=("latents", "text"),
            takes=("unet",),
            cites=(*PAPER, "wu2023tuneavideo"),
        ),
        "mindvideo-joint": Part(
            "brainflix.methods.mindvideo.train.phases:joint_phase",
            MindVideoJointParams,
            "train MinD-Video's encoder together with layers of its video denoiser",
            needs=("rows", "latents", "encoder"),
            takes=("unet",),
            cites=PAPER,
        ),
    },
    "regress": {
        "mindvideo-context": Part(
            "brainflix.methods.mindvideo.predict:context",
            MindVideoContextParams,
            "MinD-Video's context of each test clip, or that of the mean row for its guidance",
            needs=("encoder", "test"),
            cites=PAPER,
        ),
    },
    "reconstruct": {
        "mindvideo": Part(
            "brainflix.methods.mindvideo.generate:part",
            MindVideoGeneratorParams,
            "inflated Stable Diffusion: pure noise, denoised under a context that was decoded from the brain",
            needs=("clips", "unet", "context"),
            takes=("negative",),
            cites=PAPER,
        ),
    },
    "checkpoint": {
        "mindvideo-encoder": Part(
            "brainflix.methods.mindvideo.checkpoint:import_mindvideo_encoder",
            MindVideoEncoderImportParams,
            "MinD-Video's fMRI encoder: the folder fmri_encoder, or its weights with config.json beside",
            needs=(),
        ),
        "mindvideo": Part(
            "brainflix.methods.mindvideo.checkpoint:import_mindvideo",
            MindVideoEncoderImportParams,
            "MinD-Video's folder of one subject: encoder and denoiser; its vae stays where it is",
            needs=(),
        ),
    },
}

ARCHITECTURES = {
    "mindvideo-encoder": "brainflix.methods.mindvideo.encoder:network",
    "mindvideo-joint": "brainflix.methods.mindvideo.encoder:network",
}
