"""Which truths count as strangers of a prediction, for the measured chance level (docs/scoring.md, Chance)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Onsets are sums of steps; their distances are known to about so many seconds.
TOLERANCE_S = 1e-6


@dataclass(frozen=True, eq=False)
class Strangers:
    """Clips that are far enough apart to have nothing in common but what all clips have.

    In a segment that is long enough, those at a circular distance of `least` or more; of a shorter one, and of clips
    that are segments of their own, those of all other segments.

    Attributes:
        segment: array of shape (n_clips,), number of each clip's segment.
        start: array of shape (n_clips,), place in its segment, in seconds or in clips.
        length: array of shape (n_clips,), length of its segment in the same unit.
        least: smallest distance of a stranger within a segment, in the same unit.
        place: array of shape (n_clips,), order of the clips that does not follow from their names.
    """

    segment: Ints
    start: Floats
    length: Floats
    least: float
    place: Ints

    @cached_property
    def are_any(self) -> bool:
        """Whether any clip has a stranger."""
        return any(self._of_one(clip).any() for clip in range(len(self.segment)))

    def of(self, clips: Ints) -> NDArray[np.bool_]:
        """Return which truths some predictions meet for the chance level, (len(clips), n_clips)."""
        found = np.zeros((len(clips), len(self.segment)), bool)
        for row, clip in zip(found, clips, strict=True):
            row[:] = self._of_one(int(clip))
        return found

    def few(self, clip: int, most: int) -> Ints:
        """Return at most so many strangers of a clip, spread evenly; each truth meets about as many predictions."""
        found = np.flatnonzero(self._of_one(clip))
        # In the order of their distance, so that equal positions mean the same rotation for all clips.
        found = found[np.argsort((self.place[found] - self.place[clip]) % len(self.place), kind="stable")]
        if len(found) <= most:
            return found
        return np.asarray(found[np.linspace(0, len(found) - 1, most).astype(int)], np.int64)

    def _of_one(self, clip: int) -> NDArray[np.bool_]:
        same, length = self.segment == self.segment[clip], self.length[clip]
        if length < 2 * self.least - TOLERANCE_S:
            others: NDArray[np.bool_] = ~same
            return others
        apart = np.abs(self.start - self.start[clip])
        far: NDArray[np.bool_] = same & (np.minimum(apart, length - apart) >= self.least - TOLERANCE_S)
        return far


def in_film(names: NDArray[Any], onset_s: Floats, min_shift_s: float, place: Ints) -> Strangers:
    """Return the strangers of clips whose segments and onsets are known.

    Args:
        names: array of shape (n_clips,), segment of each clip.
        onset_s: array of shape (n_clips,), seconds from the segment's start.
        min_shift_s: smallest distance of a stranger within a segment.
        place: array of shape (n_clips,), order of the clips.
    """
    _, segment = np.unique(names, return_inverse=True)
    start, length = np.zeros(len(names)), np.zeros(len(names))
    for number in range(segment.max() + 1):
        members = np.flatnonzero(segment == number)
        own = np.sort(onset_s[members])
        start[members] = onset_s[members] - own[0]
        # The last clip lasts as long as it usually is from one onset to the next. A lone clip has no length.
        length[members] = own[-1] - own[0] + np.median(np.diff(own)) if len(own) > 1 else 0.0
    return Strangers(np.asarray(segment, np.int64), start, length, min_shift_s, place)
