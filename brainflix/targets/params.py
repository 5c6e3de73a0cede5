"""Parameters of the target extractors."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from brainflix.parts.params import Params

N_FRAMES = "frames of each clip, its first and last and evenly spaced ones between; 0 takes all that there are"


class FramesParams(Params):
    """Which frames stand for a clip."""

    n_frames: int = Field(8, ge=1, description="frames per clip; extractors may take fewer of them")
    sampling: Literal["onset", "ends"] = Field(
        "onset",
        description="onset: evenly spaced times from the clip's onset; ends: its first and last frame and evenly "
        "spaced ones between, a short clip's last one repeated",
    )
    size_px: int = Field(64, ge=16, description="height and width after resizing; the aspect ratio is not kept")


class WeightParams(Params):
    """Weights by name, pinned: by a commit from the Hub, by the digest of their files where they are on this machine.

    Raises:
        UsageError: a commit is missing, or the files are not those of the revision that was asked for.
        MissingError: there is no such folder.
    """

    #: Fields that name the folders that are read; none means all folders.
    FOLDERS: ClassVar[tuple[str, ...]] = ()

    weights: str
    revision: str = Field("", description="commit on the Hub; for files on this machine their digest, found by itself")

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that are read; empty for all."""
        return tuple(getattr(self, name) for name in self.FOLDERS)

    @model_validator(mode="after")
    def _pin(self) -> Self:
        from brainflix.io.weights import pin

        # Only the part of a pipeline that is read counts: a new denoiser leaves latents and captions as they are.
        # The model is frozen for its users; its revision is not known before its other fields are.
        object.__setattr__(self, "revision", pin(self.weights, self.revision, self.folders))
        return self


class CaptionParams(WeightParams):
    """Token states of captions from the text tower of a generator or a CLIP pair."""

    FOLDERS = ("subfolder", "tokenizer")
    subfolder: str = Field("text_encoder", description="folder of the text tower")
    tokenizer: str = Field("tokenizer", description="folder of the tokenizer")


class LatentParams(WeightParams):
    """Latents of a diffusers autoencoder."""

    FOLDERS = ("subfolder",)
    subfolder: str = "vae"
    n_frames: int = Field(0, ge=0, description=N_FRAMES)
    size_px: int = Field(
        0, ge=0, description="height and width of the frames that are encoded; 0 takes them as they are"
    )
    compat: Literal["", "brainnetflix"] = Field(
        "", description="brainnetflix: a random sample of the posterior instead of its mode, as the released code takes"
    )


class ClipParams(WeightParams):
    """Projected image embeddings of a CLIP pair."""

    normalise: bool = Field(True, description="scale each clip's embedding to unit length")
    n_frames: int = Field(0, ge=0, description=N_FRAMES)
