"""The video generators: the classes of their parameters, and the table."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from brainflix.parts.part import Part, Table
from brainflix.parts.weight_params import WeightParams

Side = Annotated[int, Field(ge=8, le=8192)]


class ZeroscopeParams(WeightParams):
    """Video-to-video diffusion on a zeroscope-shaped pipeline (docs/methods/brain-netflix.md, Generator)."""

    steps: int = Field(20, ge=1, le=1000, description="solver steps of the whole schedule")
    strength: float = Field(0.8, ge=0, le=1, description="share of the schedule that is run; 0 only decodes")
    guidance_scale: float = Field(15.0, ge=1, description="classifier-free guidance; 1 switches it off")
    antithetic: bool = Field(
        False,
        description="denoise predicted latents from noise and from its negative and decode the mean: twice the time",
    )
    size_px: tuple[Side, Side] | None = Field(
        None, description="height and width where no latents are predicted; by default the network's own"
    )
    latent_factor: float = Field(1.0, gt=0, description="the predicted latents are multiplied by this")
    negative_prompt: str = Field("", description="prompt of the unconditional branch")
    caption: str = Field(
        "", description="prompt where none is predicted; most-frequent takes the training captions' mode"
    )
    sample: int = Field(0, ge=0, description="0 draws the run's own noise, every other number another one")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are generated")


class DecodeLatentsParams(WeightParams):
    """Frames of predicted latents, as an autoencoder gives them (docs/methods/brain-netflix.md, Other generators)."""

    FOLDERS = ("subfolder",)
    subfolder: str = "vae"
    latent_factor: float = Field(1.0, gt=0, description="the predicted latents are multiplied by this")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are decoded")


class VideoToVideoParams(WeightParams):
    """What all video-to-video generators can be told."""

    steps: int = Field(50, ge=1, le=1000, description="solver steps of the whole schedule")
    strength: float = Field(0.8, ge=0, le=1, description="share of the schedule that is run; 0 only resizes the video")
    guidance_scale: float = Field(5.0, ge=1, description="classifier-free guidance; 1 switches it off")
    size_px: tuple[Side, Side] = Field((480, 832), description="height and width that the model sees and returns")
    fps: float | None = Field(
        None, gt=0, le=1000, description="frames per second that the model sees; by default those of the clips"
    )
    negative_prompt: str = Field("", description="prompt of the unconditional branch")
    caption: str = Field(
        "", description="prompt where none is predicted; most-frequent takes the training captions' mode"
    )
    sample: int = Field(0, ge=0, description="0 draws the run's own noise, every other number another one")
    split: Literal["train", "val", "test"] = Field("test", description="split whose clips are generated")


class AnimateDiffParams(VideoToVideoParams):
    """Stable Diffusion 1.5 with a motion adapter."""

    guidance_scale: float = Field(7.5, ge=1, description="classifier-free guidance; 1 switches it off")
    size_px: tuple[Side, Side] = Field((512, 512), description="height and width that the model sees and returns")
    adapter: str = Field(description="weights of the motion adapter")
    adapter_revision: str = Field(
        "", description="their commit on the Hub; for files on this machine their digest, found by itself"
    )

    @model_validator(mode="after")
    def _pin_adapter(self) -> Self:
        from brainflix.io.weights import pin

        object.__setattr__(self, "adapter_revision", pin(self.adapter, self.adapter_revision))
        return self


class WanParams(VideoToVideoParams):
    """Wan 2.1's text-to-video weights, used from video to video."""


class CogVideoXParams(VideoToVideoParams):
    """CogVideoX's text-to-video weights, used from video to video."""

    guidance_scale: float = Field(6.0, ge=1, description="classifier-free guidance; 1 switches it off")
    size_px: tuple[Side, Side] = Field((480, 720), description="height and width that the model sees and returns")


class LtxParams(VideoToVideoParams):
    """LTX-Video's weights from 0.9.5 on, used from video to video."""

    guidance_scale: float = Field(3.0, ge=1, description="classifier-free guidance; 1 switches it off")
    size_px: tuple[Side, Side] = Field((512, 704), description="height and width that the model sees and returns")
    decode_timestep: float = Field(0.05, ge=0, le=1, description="time that an autoencoder which reads one is told")
    decode_noise: float = Field(0.025, ge=0, le=1, description="share of noise in the latents that it decodes")


def _video_to_video(module: str, params: type[VideoToVideoParams], whose: str) -> Part:
    """Return the part of one video-to-video model of diffusers."""
    return Part(
        f"brainflix.reconstruct.{module}:part",
        params,
        f"{whose}, from video to video: re-noise an earlier step's frames, denoise under captions",
        needs=("clips", "video"),
        takes=("caption", "prompt"),
    )


PARTS: Table = {
    "reconstruct": {
        "zeroscope": Part(
            "brainflix.reconstruct.zeroscope:part",
            ZeroscopeParams,
            "video-to-video diffusion: re-noise the predicted latents, denoise under the predicted prompt",
            needs=("clips",),
            takes=("latents", "prompt", "caption"),
            cites=("fosco2024brainnetflix",),
        ),
        "decode-latents": Part(
            "brainflix.reconstruct.decode:part",
            DecodeLatentsParams,
            "predicted latents decoded once: the blurry clips that video-to-video generators start from",
            needs=("clips", "latents"),
        ),
        "animatediff": _video_to_video("animatediff", AnimateDiffParams, "Stable Diffusion and a motion adapter"),
        "wan": _video_to_video("wan", WanParams, "Wan 2.1"),
        "cogvideox": _video_to_video("cogvideox", CogVideoXParams, "CogVideoX"),
        "ltx": _video_to_video("ltx", LtxParams, "LTX-Video"),
    },
}
