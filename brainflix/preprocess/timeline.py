"""A film's time and a scanner's: which volume answers a clip that begins at some second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


def answering_volumes(
    onset_s: NDArray[Any], tr_s: float, delay_s: float, n_volumes: int, first_volume_s: float = 0.0
) -> NDArray[np.int64]:
    """Return the volume (0-based) that answers each clip, -1 where the run has none.

    Args:
        onset_s: of the clips on the film's clock, (n_clips,).
        tr_s: time between volumes.
        delay_s: from a clip's onset to its answer.
        n_volumes: of the run.
        first_volume_s: when the first volume was taken, on the film's clock.

    Raises:
        DataError: a time that is not positive.
    """
    if tr_s <= 0:
        raise DataError(f"the time between volumes is {tr_s} s")
    # floor(x + 1/2): halves go to the later volume, always.
    volume = np.floor((np.asarray(onset_s, np.float64) + delay_s - first_volume_s) / tr_s + 0.5).astype(np.int64)
    return np.where((volume >= 0) & (volume < n_volumes), volume, -1)


def clip_of_volume(volumes: NDArray[np.int64], clip: NDArray[Any], n_volumes: int) -> NDArray[np.int32]:
    """Return the clip that each volume of a run answers, -1 for none: (n_volumes,).

    Args:
        volumes: that answer the clips, -1 for none, (n_clips,).
        clip: place of each clip in the table, (n_clips,).
        n_volumes: of the run.

    Raises:
        DataError: two clips are answered by one volume, so that clips are shorter than volumes.
    """
    out = np.full(n_volumes, -1, np.int32)
    known = volumes >= 0
    if len(np.unique(volumes[known])) != int(known.sum()):
        raise DataError(
            "two clips are answered by one volume", why="clips must not begin closer than volumes are taken"
        )
    out[volumes[known]] = np.asarray(clip)[known]
    return out


def minmax(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Scale each column of a run (n_volumes, n_columns) to 0 to 1; constant columns become 0 (Mind-Animator on HCP)."""
    low = rows.min(axis=0)
    span = rows.max(axis=0) - low
    return np.asarray((rows - low) / np.where(span > 0, span, np.inf), np.float32)
