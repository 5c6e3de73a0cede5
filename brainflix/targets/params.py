"""Parameters of the target extractors."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from brainflix.contract import Params


class FramesParams(Params):
    """Which frames stand for a clip."""

    n_frames: int = Field(8, ge=1, description="frames per clip, evenly spaced from its onset")
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

    @model_validator(mode="after")
    def _pin(self) -> Self:
        from brainflix.io.weights import pin

        # Only the part of a pipeline that is read counts: a new denoiser leaves latents and captions as they are.
        folders = [getattr(self, name) for name in self.FOLDERS]
        # The model is frozen for its users; its revision is not known before its other fields are.
        object.__setattr__(self, "revision", pin(self.weights, self.revision, folders))
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


class ClipParams(WeightParams):
    """Projected image embeddings of a CLIP pair."""

    normalise: bool = Field(True, description="scale each clip's embedding to unit length")


class BlipParams(WeightParams):
    """Visual tokens of a BLIP captioner, averaged over frames (Brain Netflix spec 3.1)."""

    n_frames: int = Field(15, ge=1, description="frames of a clip that are averaged, evenly spaced from first to last")
    size_px: int = Field(240, ge=16, description="height and width that the tower sees; the aspect ratio is not kept")
    compat: Literal["", "brainnetflix"] = Field(
        "", description="brainnetflix leaves out the mean and std that BLIP was trained with, as released"
    )
