"""Parameters of MinD-Video's contrastive tuning; presets as in `params`."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from brainflix.train.params import Fraction, PhaseParams, fill_preset

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
    window_tr: tuple[int, ...] = Field(
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
    logit_scale_init: float = Field(default=1.0, description="as released; its exponential multiplies similarities")
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
