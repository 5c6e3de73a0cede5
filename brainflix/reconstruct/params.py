"""Parameters of the video generators."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.targets.params import WeightParams


class ZeroscopeParams(WeightParams):
    """Video-to-video diffusion on a zeroscope-shaped pipeline (docs/methods/brain-netflix.md, Generator)."""

    steps: int = Field(20, ge=1, le=1000, description="solver steps of the whole schedule")
    strength: float = Field(0.8, ge=0, le=1, description="share of the schedule that is run; 0 only decodes")
    guidance_scale: float = Field(15.0, ge=1, description="classifier-free guidance; 1 switches it off")
    antithetic: bool = Field(
        False,
        description="denoise predicted latents from noise and from its negative and decode the mean: twice the time",
    )
    size_px: tuple[int, int] | None = Field(
        None, description="height and width where no latents are predicted; by default the network's own"
    )
    latent_factor: float = Field(1.0, gt=0, description="the predicted latents are multiplied by this")
    negative_prompt: str = Field("", description="prompt of the unconditional branch")
    caption: str = Field(
        "", description="prompt where none is predicted; most-frequent takes the training captions' mode"
    )
    sample: int = Field(0, ge=0, description="0 draws the run's own noise, every other number another one")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are generated")
