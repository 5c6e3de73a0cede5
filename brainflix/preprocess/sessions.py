"""Scaling by session, by what a decoder may know of it: its training trials."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


def zscore_sessions(
    rows: NDArray[Any], session: NDArray[Any], train: NDArray[np.bool_], *, ddof: int = 1
) -> NDArray[np.float32]:
    """Give the training trials of each session zero mean and unit spread in every column; test trials follow.

    The mean and the spread come from the session's training trials alone (docs/datasets.md, BOLD Moments).
    Columns that do not vary over them become 0.

    Args:
        rows: array of shape (n_trials, n_columns).
        session: of each trial, (n_trials,).
        train: which trials are for training, (n_trials,).
        ddof: of the spread.

    Raises:
        DataError: a session has too few training trials.
    """
    out = np.empty(rows.shape, np.float32)
    for each in np.unique(session):
        members = np.flatnonzero(session == each)
        known = members[train[members]]
        if len(known) <= ddof:
            raise DataError(f"session {each} has {len(known)} training trials, too few to scale it by")
        values = np.asarray(rows[known], np.float64)
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=ddof)
        flat = spread == 0
        scaled = (np.asarray(rows[members], np.float64) - mean) / np.where(flat, 1.0, spread)
        out[members] = np.where(flat, 0.0, scaled)
    return out
