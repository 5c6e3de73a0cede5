"""The same thing twice: films under two names, and repeats that were copied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hold_together(split: NDArray[Any], group: NDArray[Any], stronger: Sequence[int]) -> NDArray[np.int8]:
    """Return a split that separates no group: all of a group go where its strongest member goes.

    Args:
        split: of each clip, (n_clips,).
        group: of each clip, (n_clips,).
        stronger: splits from the strongest on; the test split first, since what was tested must not be learnt.
    """
    out = np.asarray(split, np.int8).copy()
    rank = {each: place for place, each in enumerate(stronger)}
    names, counts = np.unique(group, return_counts=True)
    for each in names[counts > 1]:
        members = np.flatnonzero(group == each)
        out[members] = min(out[members].tolist(), key=rank.__getitem__)
    return out


def copied_repeats(repeats: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the pairs of repeats that are equal in every clip and column, of an array (n_clips, n_repeats, n_columns).

    Measured repeats are never equal; a release that needs ten and has nine may have copied one.
    """
    digests = [_digest(repeats[:, number]) for number in range(repeats.shape[1])]
    return [(a, b) for b in range(len(digests)) for a in range(b) if digests[a] == digests[b]]


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
