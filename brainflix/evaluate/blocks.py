"""Blocks of stimulus as units of evidence, and Student's t over them (docs/scoring.md, Intervals)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Length of a stimulus block in seconds where nobody asks for another (docs/scoring.md, Intervals).
BLOCK_S = 20.0
# Fewer blocks give no interval; fewer than the second number give one that is noted (docs/scoring.md, Intervals).
LEAST_BLOCKS, ENOUGH_BLOCKS = 3, 6


@dataclass(frozen=True)
class Interval:
    """Mean with its 95 % (or other) interval; se is the standard error over blocks, n the defined clips.

    `method` is "none" where there are fewer than LEAST_BLOCKS blocks; the limits and se are NaN then.
    """

    value: float
    lo: float
    hi: float
    se: float
    n: int
    n_nan: int
    n_clusters: int
    method: str


def block_clusters(segment: Sequence[str] | NDArray[Any], onset_s: NDArray[Any], block_s: float = BLOCK_S) -> Ints:
    """Number the contiguous stimulus blocks (segment, floor(onset / block)) that clips belong to.

    Blocks that follow each other in one segment have numbers that follow each other, and no others have.

    Args:
        segment: n_clips names of the movies or segments that clips were cut from.
        onset_s: array of shape (n_clips,), onset in its segment in seconds.
        block_s: length of a block in seconds.

    Returns:
        Array of shape (n_clips,), block numbers from 0.
    """
    _, movie = np.unique(np.asarray(segment), return_inverse=True)
    block = np.floor(np.asarray(onset_s, np.float64) / block_s).astype(np.int64)
    blocks, member = np.unique(np.stack([movie, block], axis=1), axis=0, return_inverse=True)
    follows = (np.diff(blocks[:, 0]) == 0) & (np.diff(blocks[:, 1]) == 1)
    number = np.concatenate([[0], np.cumsum(np.where(follows, 1, 2))])
    return np.asarray(number[member.reshape(-1)], np.int64)


def defined_mean(values: NDArray[Any]) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else np.nan


@dataclass(frozen=True, eq=False)
class Sums:
    """Values of clips by block, blocks without a defined clip left out.

    Attributes:
        sums, sizes: arrays of shape (n_blocks,), over the defined clips of each block.
        numbers: array of shape (n_blocks,), ascending; blocks whose numbers follow each other are neighbours.
        n_nan: clips without a value.
    """

    sums: Floats
    sizes: Floats
    numbers: Ints
    n_nan: int

    @property
    def n(self) -> int:
        """How many clips have a value."""
        return int(self.sizes.sum())

    @property
    def mean(self) -> float:
        """Mean over the clips that have a value; NaN if none has."""
        return float(self.sums.sum() / self.n) if self.n else np.nan


def cluster_sums(values: NDArray[Any], clusters: NDArray[Any]) -> Sums:
    """Return sum and size of each block over its defined clips.

    Args:
        values: array of shape (n_clips,), NaN where undefined.
        clusters: array of shape (n_clips,), the block of each clip.

    Raises:
        DataError: the shapes differ.
    """
    scores = np.asarray(values, np.float64)
    labels = np.asarray(clusters)
    if scores.ndim != 1 or labels.shape != scores.shape:
        raise DataError(f"values {scores.shape} and clusters {labels.shape} are not both (n_clips,)")
    defined = ~np.isnan(scores)
    numbers, member = np.unique(labels[defined], return_inverse=True)
    sums: Floats = np.bincount(member, scores[defined], minlength=len(numbers)).astype(np.float64)
    sizes = np.bincount(member, minlength=len(numbers)).astype(np.float64)
    return Sums(sums, sizes, np.asarray(numbers, np.int64), int(np.count_nonzero(~defined)))


def neighbours_t(values: NDArray[Any], clusters: NDArray[Any], *, level: float = 0.95) -> Interval:
    """Return the mean over clips with a t interval over blocks that counts the likeness of neighbouring blocks.

    S_c and n_c are sum and size of block c, N all clips, m the mean and u_c = S_c - n_c m. Then
    se^2 = C / (C - 1) (sum u_c^2 + 2 max(0, sum over neighbours u_c u_{c+1})) / N^2, with C - 1 degrees of freedom.
    Without neighbours that is the cluster-robust standard error of the mean over clips.

    Args:
        values: array of shape (n_clips,); NaN clips are left out and counted.
        clusters: array of shape (n_clips,), the block of each clip; those with numbers c and c + 1 are neighbours.
        level: coverage aimed at.

    Returns:
        The interval; NaN limits, and no standard error, with fewer than two blocks.
    """
    found = cluster_sums(values, clusters)
    n_blocks = len(found.sums)
    if n_blocks < 2:
        return Interval(found.mean, np.nan, np.nan, np.nan, found.n, found.n_nan, n_blocks, "t-neighbours")
    residuals = found.sums - found.sizes * found.mean
    adjacent = np.diff(found.numbers) == 1
    shared = max(0.0, float((residuals[:-1] * residuals[1:])[adjacent].sum()))
    squares = float(np.square(residuals).sum()) + 2 * shared
    se = float(np.sqrt(n_blocks / (n_blocks - 1) * squares) / found.n)
    reach = float(stats.t.ppf((1 + level) / 2, n_blocks - 1)) * se
    limits = (found.mean - reach, found.mean + reach)
    return Interval(found.mean, *limits, se, found.n, found.n_nan, n_blocks, "t-neighbours")
