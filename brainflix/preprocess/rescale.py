"""Scaling by statistics of many rows at once, in place and a block of rows at a time, so that rows may lie on disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.scratch import give_back

_BLOCK_BYTES = 64 << 20


def zscore_by(rows: NDArray[Any], chosen: NDArray[np.bool_], *, ddof: int = 0) -> None:
    """Take the chosen rows' one mean and one spread over all their values from all rows (MinD-Video's scaling).

    Args:
        rows: array of shape (n_rows, n_columns), changed.
        chosen: mask of the rows that give the statistics, the training rows, (n_rows,).
        ddof: of the spread.

    Raises:
        DataError: nothing is chosen, or the chosen values do not vary.
    """
    count = int(chosen.sum()) * rows.shape[1]
    if count <= ddof:
        raise DataError("no rows to take mean and spread from")
    mean = sum(float(rows[part][chosen[part]].sum(dtype=np.float64)) for part in _blocks(rows)) / count
    square = sum(float(((rows[part][chosen[part]] - mean) ** 2).sum(dtype=np.float64)) for part in _blocks(rows))
    if square == 0:
        raise DataError("the training rows do not vary")
    spread = np.sqrt(square / (count - ddof))
    for part in _blocks(rows):
        rows[part] = (rows[part] - mean) / spread


def rescale_groups(rows: NDArray[Any], group: NDArray[Any]) -> None:
    """Give every column zero mean and unit spread (ddof 0) within each group of rows; constant columns become 0.

    Applied to training and test rows as two groups this is Mind-Animator's released second scaling, which lets test
    rows decide how test rows are scaled. Never a default.

    Args:
        rows: array of shape (n_rows, n_columns), changed.
        group: of each row, (n_rows,).
    """
    for each in np.unique(group):
        members = group == each
        count = int(members.sum())
        mean = sum(rows[part][members[part]].sum(axis=0, dtype=np.float64) for part in _blocks(rows)) / count
        square = sum(((rows[part][members[part]] - mean) ** 2).sum(axis=0, dtype=np.float64) for part in _blocks(rows))
        spread = np.sqrt(np.asarray(square) / count)
        spread[spread == 0] = np.inf
        for part in _blocks(rows):
            block = rows[part]
            block[members[part]] = (block[members[part]] - mean) / spread
            rows[part] = block


def _blocks(rows: NDArray[Any]) -> Iterator[slice]:
    step = max(1, _BLOCK_BYTES // max(1, rows.shape[1] * rows.itemsize))
    for start in range(0, len(rows), step):
        yield slice(start, start + step)
        give_back(rows)
