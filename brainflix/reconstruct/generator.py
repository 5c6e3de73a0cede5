"""What a generator is: loaded once, called with one batch of clips after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from brainflix.progress import Track, untracked

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Batch:
    """Clips that are generated together.

    Attributes:
        clip_ids: their ids; with the job's seed they decide all noise (`seeds.clip_noise`).
        conditions: by role of the recipe, array of shape (n_clips, ...) in the order of `clip_ids`: predicted targets,
            uint8 frames (n_clips, n_frames, height, width, 3) where the role is videos (a keyframe), or texts
            (n_clips,) where it is captions.
        n_frames: frames of one true clip.
        track: counts the steps of the batch.
    """

    clip_ids: tuple[str, ...]
    conditions: Mapping[str, np.ndarray]
    n_frames: int
    track: Track = untracked


class Generator(Protocol):
    """A loaded generator. The result for a clip must not depend on the batch that it is in."""

    @property
    def notes(self) -> Mapping[str, object]:
        """What the manifest records of it: the attention kernel and the like."""
        ...

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, any number of frames, height, width, 3), evenly spaced in the clip."""
        ...
