"""Parameters of a part that starts from pinned weights."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from brainflix.parts.params import Params


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
