"""Sets of clips that are read one at a time: from disk, from an artifact, or made of other clips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.scratch import give_back, zeros_in

Frames = NDArray[np.uint8]
# Clips that are read before the pages that they brought are given back.
CLIPS_HELD = 32


@dataclass(frozen=True, eq=False)
class VideoSet:
    """How many clips, and what gives one by its row, uint8 of shape (n_frames, height, width, 3)."""

    n_clips: int
    read: Callable[[int], Frames]

    def __len__(self) -> int:
        """Return the number of clips."""
        return self.n_clips

    def __getitem__(self, clip: int) -> Frames:
        """Return one clip, (n_frames, height, width, 3)."""
        return self.read(clip)

    def __iter__(self) -> Iterator[Frames]:
        """Yield one clip after another."""
        return (self.read(clip) for clip in range(self.n_clips))

    @cached_property
    def digests(self) -> list[bytes]:
        """SHA-256 of each clip's shape and pixels, taken once for all networks."""
        return [_digest(frames) for frames in self]


class Staged:
    """A set of clips in a file.

    Pages of a mapped file count as memory of the process as long as it holds them, so they are given back now and
    then; what was written stays with the system, which writes it out as it likes.
    """

    def __init__(self, file: Path, shape: tuple[int, ...]) -> None:
        """Create the file with room for clips of shape (n_clips, n_frames, height, width, 3), uint8."""
        self._clips = zeros_in(file, shape, np.uint8)
        self._touched = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all clips together, (n_clips, n_frames, height, width, 3)."""
        return tuple(self._clips.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all clips together."""
        return self._clips.nbytes

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._clips)

    def __getitem__(self, clip: int) -> Frames:
        """Return one clip, (n_frames, height, width, 3), read when its values are."""
        self._give_back()
        return np.asarray(self._clips[clip])

    def __iter__(self) -> Iterator[Frames]:
        """Yield one clip after another."""
        return (self[clip] for clip in range(len(self)))

    def __setitem__(self, clip: int, frames: Frames) -> None:
        """Write one clip."""
        self._clips[clip] = frames
        self._give_back()

    @property
    def videos(self) -> VideoSet:
        """The clips as a set that is read."""
        return VideoSet(len(self), self.__getitem__)

    def _give_back(self) -> None:
        self._touched += 1
        if self._touched % CLIPS_HELD == 0:
            give_back(self._clips)


def _digest(frames: Frames) -> bytes:
    digest = hashlib.sha256(repr((str(frames.dtype), frames.shape)).encode())
    digest.update(np.ascontiguousarray(frames).data)
    return digest.digest()
