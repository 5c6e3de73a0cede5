"""Retrieval that knows the stimulus: hits within a tolerance of time.

Clips that follow each other in a film are near-duplicates, so the strict top-k calls a near miss a miss
(docs/scoring.md, Retrieval).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.identification import Direction, queries_in_rows
from brainflix.evaluate.nway import TIES, Floats, Ties

Bools = NDArray[np.bool_]


def near_in_time(segment: Sequence[str] | NDArray[Any], onset_s: NDArray[Any], tolerance_s: float = 10.0) -> Bools:
    """Return which clips of one segment start within a tolerance of each other.

    Args:
        segment: n_clips names of the movies or segments that clips were cut from.
        onset_s: array of shape (n_clips,), onset in its segment in seconds.
        tolerance_s: largest distance between onsets in seconds, itself within the tolerance.

    Returns:
        Symmetric array of shape (n_clips, n_clips), True on its diagonal.
    """
    names, onset = np.asarray(segment), np.asarray(onset_s, np.float64)
    if names.shape != onset.shape or onset.ndim != 1:
        raise DataError(f"segments {names.shape} and onsets {onset.shape} are not both (n_clips,)")
    if not tolerance_s >= 0 or not np.isfinite(onset).all():
        raise UsageError("a tolerance of time needs finite onsets and a length of 0 s or more")
    near: Bools = (names[:, None] == names) & (np.abs(onset[:, None] - onset) <= tolerance_s)
    return near


def retrieval_near(
    similarities: Floats, near: Bools, k: int, direction: Direction = "brain_to_stim", ties: Ties = "fair"
) -> Floats:
    """Return per query the probability that its own match or one near it is among the k best.

    Args:
        similarities: square array of shape (n_clips, n_clips), predictions by stimuli.
        near: array of shape (n_clips, n_clips), True where a retrieved clip counts as a hit (`near_in_time`).
        k: how many are retrieved.
        direction: which side asks.
        ties: how a miss that is as similar as the best hit counts: "lose" puts it before, "win" behind, "fair" shuffles
            all that are equal.

    Returns:
        Array of shape (n_clips,), to be read next to `chance_near`.

    Raises:
        DataError: shapes disagree, a similarity is NaN, or a clip is not near itself.
        UsageError: k is out of range, or no such tie rule.
    """
    rows = queries_in_rows(similarities, direction)
    hits = _checked_hits(near, len(rows), k)
    if ties not in TIES:
        raise UsageError(f"unknown tie rule {ties!r}", next=f"use one of {', '.join(TIES)}")
    best = np.where(hits, rows, -np.inf).max(axis=1, keepdims=True)
    above = ((rows > best) & ~hits).sum(axis=1)
    level_hits, level_misses = ((rows == best) & hits).sum(axis=1), ((rows == best) & ~hits).sum(axis=1)
    if ties != "fair":
        return np.asarray(above + (level_misses if ties == "lose" else 0) < k, np.float64)
    # Of the equal ones the places left are filled at random: a hit unless misses fill them all.
    level = level_hits + level_misses
    places = np.clip(k - above, 0, level)
    missed: Floats = stats.hypergeom.pmf(0, level, level_hits, places)
    return 1.0 - missed


def retrieval_near_matrix(similarities: Floats, near: Bools, k: int) -> Floats:
    """Return whether prediction i would find stimulus j, or one near it, among its k best: for permutation.

    Args:
        similarities: square array of shape (n_clips, n_clips), predictions by stimuli; equal ones count in the order of
            the clips, which `retrieval_near` does not need.
        near: array of shape (n_clips, n_clips), as of `retrieval_near`.
        k: how many are retrieved.

    Returns:
        Array of shape (n_clips, n_clips) of 0 and 1.
    """
    hits = _checked_hits(near, len(similarities), k)
    best = np.argsort(-queries_in_rows(similarities, "brain_to_stim"), axis=1, kind="stable")[:, :k]
    return np.asarray(hits[best].any(axis=1), np.float64)


def chance_near(near: Bools, k: int) -> float:
    """Return the chance level of `retrieval_near` without information, mean over queries.

    Of N clips a are hits, so k retrieved at random hold one with probability 1 - C(N - a, k) / C(N, k).
    """
    hits = _checked_hits(near, len(near), k)
    return float(1.0 - stats.hypergeom.pmf(0, len(hits), hits.sum(axis=1), k).mean())


def _checked_hits(near: Bools, n_clips: int, k: int) -> Bools:
    if near.dtype != np.bool_ or near.shape != (n_clips, n_clips) or not near.diagonal().all():
        raise DataError(f"near clips of shape {near.shape} are not ({n_clips}, {n_clips}) and True on the diagonal")
    if not np.array_equal(near, near.T):
        raise DataError("near clips are not symmetric", why="both directions of retrieval use them")
    if not 1 <= k <= n_clips:
        raise UsageError(f"{k} of {n_clips} clips cannot be retrieved", next=f"use k from 1 to {n_clips}")
    return near
