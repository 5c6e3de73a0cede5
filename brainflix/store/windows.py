"""Windows of responses: a clip's row beside those of the volumes around it, which lets a linear decoder undo the
haemodynamic overlap of neighbouring clips (MinD-Video's sliding window, docs/methods/mindvideo.md, Windows)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from brainflix.errors import UsageError
from brainflix.store.responses import Responses


def windowed(responses: Responses, offsets: Sequence[int]) -> Responses:
    """Put the rows at `offsets` around each row side by side; at a run's ends its outermost row is repeated.

    Args:
        responses: rows of whole runs in time order.
        offsets: in repetition times, e.g. (-1, 0, 1); (0,) returns the input.

    Returns:
        responses with len(offsets) times as many columns, the first offset's columns first.

    Raises:
        UsageError: an offset appears twice.
    """
    if len(set(offsets)) != len(offsets):
        raise UsageError(f"window {tuple(offsets)} names an offset twice")
    if tuple(offsets) == (0,):
        return responses
    place = np.arange(len(responses.run))
    _, first, count = np.unique(responses.run, return_index=True, return_counts=True)
    run_start, run_end = np.repeat(first, count), np.repeat(first + count - 1, count)
    # Runs are stored one after the other, so np.unique's order of runs is their order in the rows.
    shifted = [responses.response[np.clip(place + offset, run_start, run_end)] for offset in offsets]
    n = len(offsets)
    return replace(
        responses,
        response=np.concatenate(shifted, axis=1),
        area=responses.area * n,
        structure=responses.structure * n,
        index=np.tile(responses.index, n),
        stats={name: np.tile(values, n) for name, values in responses.stats.items()},
        masks={name: np.tile(values, n) for name, values in responses.masks.items()},
    )
