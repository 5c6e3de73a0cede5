"""Parameters of the extractors that look at frames with a pretrained network of vision."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.targets.params import N_FRAMES, WeightParams


class ClipTokenParams(WeightParams):
    """Token grid of a CLIP image tower, such as `openai/clip-vit-large-patch14`."""

    n_frames: int = Field(8, ge=0, description=N_FRAMES)


class SvdParams(WeightParams):
    """What Stable Video Diffusion is conditioned on, such as of `stabilityai/stable-video-diffusion-img2vid-xt-1-1`."""

    FOLDERS = ("image_encoder", "feature_extractor", "vae")
    image_encoder: str = Field("image_encoder", description="folder of the CLIP image tower")
    feature_extractor: str = Field("feature_extractor", description="folder of its pixel statistics")
    vae: str = Field("vae", description="folder of the autoencoder")
    frames: Literal["first", "every-4th"] = Field("first", description="which of the clip's frames are encoded")
    latents: bool = Field(False, description="append the frame's latents, flattened (c, h, w), to its embedding")
    height_px: int = Field(576, ge=16, multiple_of=8, description="height of the frames that are encoded")
    width_px: int = Field(1024, ge=16, multiple_of=8, description="width of the frames that are encoded")


class DepthParams(WeightParams):
    """Relative depth by a DPT network, such as `Intel/dpt-hybrid-midas`."""

    n_frames: int = Field(8, ge=0, description=N_FRAMES)
    size_px: int = Field(64, ge=1, description="height and width of the maps")


class BlipParams(WeightParams):
    """Visual tokens of a BLIP captioner, averaged over frames (docs/methods/brain-netflix.md, Visual tokens b)."""

    n_frames: int = Field(15, ge=0, description=N_FRAMES)
    size_px: int = Field(240, ge=16, description="height and width that the tower sees; the aspect ratio is not kept")
    compat: Literal["", "brainnetflix"] = Field(
        "", description="brainnetflix leaves out the mean and std that BLIP was trained with, as released"
    )
