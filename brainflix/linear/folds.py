"""Folds of whole groups: neighbouring clips and repeats of one clip must not sit on both sides of a split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError


def contiguous_folds(groups: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Give each row one of k folds, each a stretch of whole groups, as equal in rows as the groups allow.

    Args:
        groups: array of shape (n_rows,), the run, segment or clip of each row; groups count in order of appearance.
        k: number of folds; k equal to the number of groups leaves one group out at a time.

    Returns:
        Array of shape (n_rows,) with values 0 to k - 1.

    Raises:
        UsageError: if k is below 2 or above the number of groups.
    """
    labels = np.asarray(groups)
    if labels.ndim != 1 or labels.size == 0:
        raise DataError(f"groups must be an array of shape (n_rows,), not {labels.shape}")
    _, first, inverse, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    if not 2 <= k <= first.size:
        raise UsageError(f"cannot make {k} folds of {first.size} groups", next=f"choose 2 to {first.size}")
    order = np.argsort(first)
    rows_before = np.concatenate([[0], np.cumsum(count[order])])
    cuts = [0]
    for fold in range(1, k):
        # Every fold keeps at least one group: the cut moves on by one and leaves one group for each later fold.
        allowed = np.arange(cuts[-1] + 1, first.size - (k - fold) + 1)
        cuts.append(int(allowed[np.argmin(np.abs(rows_before[allowed] - labels.size * fold / k))]))
    fold_of_group = np.empty(first.size, np.int64)
    fold_of_group[order] = np.searchsorted(cuts, np.arange(first.size), side="right") - 1
    return np.asarray(fold_of_group[inverse], np.int64)
