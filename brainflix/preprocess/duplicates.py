"""The same film under two names."""

from __future__ import annotations

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
