"""Settings of an alignment, chosen on training rows by what it is for: the same moment looks alike in all brains.

Two things are wanted of aligned rows, and each alone leads astray. Segments are found best with weak penalties, which
keep fine patterns and noise; columns agree best with strong ones, which keep little but a common mean. The sum of both
is what is chosen by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from brainflix.align.maps import LinearMap
from brainflix.align.quality import isc_leave_one_out, time_segment_matching
from brainflix.errors import DataError
from brainflix.progress import Track, untracked

Setting = TypeVar("Setting")
Fit = Callable[[Sequence[NDArray[Any]], Setting], tuple[LinearMap, ...]]

#: Volumes of a segment in published time-segment matching.
WINDOW = 9


def choose(
    fit: Fit[Setting],
    settings: Sequence[Setting],
    sources: Sequence[NDArray[Any]],
    folds: NDArray[Any],
    *,
    gap: int = 0,
    track: Track = untracked,
) -> Setting:
    """Return the setting with which held-out rows agree best: segments found in the others, and correlation of columns.

    Args:
        fit: fits one map for each subject from their rows and a setting.
        settings: what to choose from; of equally good ones the last, so that stronger penalties stand last.
        sources: per subject, training rows (n, n_columns), the same moments in the same order.
        folds: label of each row's fold, (n,), contiguous pieces of the film.
        gap: rows on either side of what is held out that are not trained on either; responses are slow, so that
            neighbours within one run tell of each other.
        track: counts settings.

    Raises:
        DataError: a fold is too short to look for segments in it.
    """
    if len(settings) == 1:
        return settings[0]
    scores = [
        np.mean([_held_out(fit, each, sources, folds == f, gap) for f in np.unique(folds)])
        for each in track(settings, "settings")
    ]
    best = max(scores)
    return [each for each, score in zip(settings, scores, strict=True) if score == best][-1]


def group_matching(aligned: Sequence[NDArray[Any]], window: int = WINDOW) -> float:
    """Return how often a subject's segments are found in the mean of the others, over subjects.

    Args:
        aligned: per subject, rows (n, n_columns) in the group's space.
        window: rows in a segment.

    Raises:
        DataError: too few rows.
    """
    total = np.sum(aligned, axis=0)
    others = [(total - one) / (len(aligned) - 1) for one in aligned]
    pairs = zip(aligned, others, strict=True)
    return float(np.mean([time_segment_matching(one, rest, window=window).accuracy for one, rest in pairs]))


def _held_out(
    fit: Fit[Setting], setting: Setting, sources: Sequence[NDArray[Any]], held: NDArray[np.bool_], gap: int
) -> float:
    """Fit on what is not held out, and sum the agreement of what is."""
    near = held.copy()
    for step in range(1, gap + 1):
        near[step:] |= held[:-step]
        near[:-step] |= held[step:]
    n = int(held.sum())
    window = min(WINDOW, n // 4)
    if window < 1 or not (~near).any():
        raise DataError(f"a fold of {n} rows is too short to choose an alignment's settings by")
    maps = fit([source[~near] for source in sources], setting)
    aligned = [each.apply(source[held]) for each, source in zip(maps, sources, strict=True)]
    columns = np.nan_to_num(isc_leave_one_out(np.stack(aligned))).mean()
    return group_matching(aligned, window) + float(columns)
