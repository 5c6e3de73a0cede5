"""Clips on disk, as an array that memory need not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.scratch import give_back

# Clips that are read before the pages that they brought are given back.
CLIPS_HELD = 32


class Staged:
    """A set of clips in a file, read one at a time.

    Pages of a mapped file count as memory of the process as long as it holds them, so they are given back now and
    then; what was written stays with the system, which writes it out as it likes.
    """

    def __init__(self, file: Path, shape: tuple[int, ...]) -> None:
        """Create the file with room for clips of shape (n_clips, n_frames, height, width, 3), uint8."""
        self._clips = np.memmap(file, np.uint8, "w+", shape=shape)
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

    def __getitem__(self, clip: int) -> NDArray[np.uint8]:
        """Return one clip, (n_frames, height, width, 3), read when its values are."""
        self._give_back()
        return np.asarray(self._clips[clip])

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield one clip after another."""
        return (self[clip] for clip in range(len(self)))

    def __setitem__(self, clip: int, frames: NDArray[np.uint8]) -> None:
        """Write one clip."""
        self._clips[clip] = frames
        self._give_back()

    def _give_back(self) -> None:
        self._touched += 1
        if self._touched % CLIPS_HELD == 0:
            give_back(self._clips)
