"""Parameters of the two phases that train MinD-Video's video denoiser.

No training code of it was released (docs/methods/mindvideo.md): what is trained follows the paper, lengths and rates
are ours.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from brainflix.targets.params import WeightParams
from brainflix.train.params import Fraction, LoopParams, PhaseParams, fill_preset

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
    window_tr: tuple[int, ...] = Field(default=(0, 1), min_length=1, description="rows that the encoder's window holds")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        return fill_preset(values, _JOINT)
