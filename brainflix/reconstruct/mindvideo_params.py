"""Parameters of MinD-Video's generator."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from brainflix.targets.params import WeightParams


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
    size_px: int = Field(0, ge=0, description="height and width; 0: the denoiser's own; the released need 256")
    sample: int = Field(0, ge=0, description="0 draws the run's own noise, every other number another one")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are generated")
