"""The target extractors: the classes of their parameters, and the table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table
from brainflix.parts.weight_params import WeightParams
from brainflix.pretrained.params import BlipCaptionParams

N_FRAMES = "frames of each clip, its first and last and evenly spaced ones between; 0 takes all that there are"
# Two minutes of a clip at 60 frames a second; clips have seconds.
MOST_FRAMES = 7200


class FramesParams(Params):
    """Which frames stand for a clip."""

    n_frames: int = Field(8, ge=1, le=MOST_FRAMES, description="frames per clip; extractors may take fewer of them")
    sampling: Literal["onset", "ends"] = Field(
        "onset",
        description="onset: evenly spaced times from the clip's onset; ends: its first and last frame and evenly "
        "spaced ones between, a short clip's last one repeated",
    )
    size_px: int = Field(
        64, ge=16, le=8192, description="height and width after resizing; the aspect ratio is not kept"
    )


class CaptionParams(WeightParams):
    """Token states of captions from the text tower of a generator or a CLIP pair."""

    FOLDERS = ("subfolder", "tokenizer")
    subfolder: str = Field("text_encoder", description="folder of the text tower")
    tokenizer: str = Field("tokenizer", description="folder of the tokenizer")


class LatentParams(WeightParams):
    """Latents of a diffusers autoencoder."""

    FOLDERS = ("subfolder",)
    subfolder: str = "vae"
    n_frames: int = Field(0, ge=0, le=MOST_FRAMES, description=N_FRAMES)
    size_px: int = Field(
        0, ge=0, le=8192, description="height and width of the frames that are encoded; 0 takes them as they are"
    )
    compat: Literal["", "brainnetflix"] = Field(
        "",
        description="brainnetflix, as released: a random sample of the posterior instead of its mode, and frames "
        "resized without smoothing",
    )


class ClipParams(WeightParams):
    """Projected image embeddings of a CLIP pair."""

    normalise: bool = Field(True, description="scale each clip's embedding to unit length")
    n_frames: int = Field(0, ge=0, le=MOST_FRAMES, description=N_FRAMES)


class ClipTokenParams(WeightParams):
    """Token grid of a CLIP image tower, such as `openai/clip-vit-large-patch14`."""

    n_frames: int = Field(8, ge=0, le=MOST_FRAMES, description=N_FRAMES)


class SvdParams(WeightParams):
    """What Stable Video Diffusion is conditioned on, such as of `stabilityai/stable-video-diffusion-img2vid-xt-1-1`."""

    FOLDERS = ("image_encoder", "feature_extractor", "vae")
    image_encoder: str = Field("image_encoder", description="folder of the CLIP image tower")
    feature_extractor: str = Field("feature_extractor", description="folder of its pixel statistics")
    vae: str = Field("vae", description="folder of the autoencoder")
    frames: Literal["first", "every-4th"] = Field("first", description="which of the clip's frames are encoded")
    latents: bool = Field(False, description="append the frame's latents, flattened (c, h, w), to its embedding")
    height_px: int = Field(576, ge=16, le=8192, multiple_of=8, description="height of the frames that are encoded")
    width_px: int = Field(1024, ge=16, le=8192, multiple_of=8, description="width of the frames that are encoded")


class DepthParams(WeightParams):
    """Relative depth by a DPT network, such as `Intel/dpt-hybrid-midas`."""

    n_frames: int = Field(8, ge=0, le=MOST_FRAMES, description=N_FRAMES)
    size_px: int = Field(64, ge=1, le=8192, description="height and width of the maps")


class BlipParams(WeightParams):
    """Visual tokens of a BLIP captioner, averaged over frames (docs/methods/brain-netflix.md, Visual tokens b)."""

    n_frames: int = Field(15, ge=0, le=MOST_FRAMES, description=N_FRAMES)
    size_px: int = Field(
        240, ge=16, le=8192, description="height and width that the tower sees; the aspect ratio is not kept"
    )
    compat: Literal["", "brainnetflix"] = Field(
        "",
        description="brainnetflix, as released: without the mean and std that BLIP was trained with, and frames "
        "resized without smoothing",
    )


class GivenParams(Params):
    """Which of the features that a data set comes with are decoded."""

    table: str | None = Field(None, description="table of features, where the data set has several")
    dims: tuple[str, ...] = Field((), description="names of its dimensions, in this order; none takes all")
    groups: dict[str, tuple[str, ...]] = Field(
        {}, description="names of dimensions that are scored together as well, as {sound: [speech, music]}"
    )


PARTS: Table = {
    "targets": {
        "given": Part(
            "brainflix.targets.given:extract",
            GivenParams,
            "features that the data set comes with, a name for each dimension",
            needs=("stimuli",),
        ),
        "frames": Part(
            "brainflix.targets.frames:extract",
            FramesParams,
            "the clips' frames at a fixed clock and size; the ground truth of scores",
            needs=("stimuli",),
        ),
        "token-states": Part(
            "brainflix.targets.text:extract",
            CaptionParams,
            "token states of the clips' captions from a CLIP text tower",
            needs=("stimuli",),
            takes=("captions",),
        ),
        "vae-latents": Part(
            "brainflix.targets.vae:extract",
            LatentParams,
            "scaled latents of every frame from a diffusers autoencoder",
            needs=("frames",),
        ),
        "clip-video": Part(
            "brainflix.targets.clip:extract",
            ClipParams,
            "mean over frames of projected CLIP image embeddings",
            needs=("frames",),
            cites=("radford2021clip",),
        ),
        "blip-tokens": Part(
            "brainflix.targets.blip:extract",
            BlipParams,
            "mean over frames of BLIP's visual tokens, from which captions are decoded",
            needs=("frames",),
            cites=("li2022blip",),
        ),
        "blip-captions": Part(
            "brainflix.targets.captions:extract",
            BlipCaptionParams,
            "captions of the true clips by BLIP, where a data set has none",
            needs=("tokens",),
            cites=("li2022blip",),
        ),
        "clip-tokens": Part(
            "brainflix.targets.clip:extract_tokens",
            ClipTokenParams,
            "mean over frames of a CLIP image tower's token grid",
            needs=("frames",),
            cites=("radford2021clip",),
        ),
        "svd": Part(
            "brainflix.targets.svd:extract",
            SvdParams,
            "what Stable Video Diffusion is conditioned on: embedding and, on request, latents of frames",
            needs=("frames",),
        ),
        "depth": Part(
            "brainflix.targets.depth:extract",
            DepthParams,
            "relative depth of frames by DPT, each from -1 to 1",
            needs=("frames",),
        ),
    },
}
