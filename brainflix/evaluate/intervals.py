"""The interval of a score: by the method that was chosen, honest about few blocks, inside the metric's own range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import UsageError
from brainflix.evaluate.blocks import LEAST_BLOCKS, Interval, cluster_sums, neighbours_t
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.ranges import ANYTHING, RATE, Range

Method = Literal["t-neighbours", "percentile", "bca"]
METHODS = ("t-neighbours", "percentile", "bca")
DEFAULT: Method = "t-neighbours"


def mean_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    seed: int | np.random.Generator = 0,
    level: float = 0.95,
    method: Method = DEFAULT,
    within: Range = ANYTHING,
    is_rate: bool = False,
) -> Interval:
    """Return the mean over clips with its interval (docs/scoring.md, Intervals).

    Where all clips of a rate score 0, or all 1, neither resampling nor a standard error can tell how rare the other
    outcome is: the limits are Clopper and Pearson's of 0 or all successes among the blocks.

    Args:
        values: array of shape (n_clips,); NaN clips are left out and counted.
        clusters: array of shape (n_clips,), the block of each clip; those with numbers c and c + 1 are neighbours.
        n_boot, seed: replicates of a bootstrap and their seed; without effect on the default.
        level: coverage aimed at.
        method: "t-neighbours", or a bootstrap of blocks by "percentile" or "bca".
        within: least and most that the score can be; limits beyond are cut.
        is_rate: whether clips score between never (0) and always (1).

    Returns:
        The interval; its `method` says which it is, "none" with fewer than LEAST_BLOCKS blocks.

    Raises:
        UsageError: no such method.
    """
    if method not in METHODS:
        raise UsageError(f"unknown interval {method!r}", next=f"use one of {', '.join(METHODS)}")
    found = cluster_sums(values, clusters)
    n_blocks = len(found.sums)
    if n_blocks < LEAST_BLOCKS:
        return Interval(found.mean, np.nan, np.nan, np.nan, found.n, found.n_nan, n_blocks, "none")
    if method == "t-neighbours":
        interval = neighbours_t(values, clusters, level=level)
    else:
        interval = cluster_bootstrap(values, clusters, n_boot=n_boot, seed=seed, level=level, method=method)
    if is_rate and (not found.sums.any() or np.array_equal(found.sums, found.sizes)):
        return _exact(interval, level)
    least, most = RATE if is_rate else within
    lo, hi = np.clip([interval.lo, interval.hi], least, most)
    return replace(interval, lo=float(lo), hi=float(hi))


def _exact(interval: Interval, level: float) -> Interval:
    """Return the limits of a rate that every clip has at 0, or every clip at 1.

    Trials are blocks, not clips: clips of a block may succeed and fail together, and where all agree nothing in the
    data says by how much. A block's mean exceeds 0 at least as often as it is large on average, so the limit on "how
    often is it above 0" is one on the rate as well, whether clips count 0 and 1 or anything between. Blocks that hang
    together less than fully get an interval that is too wide, never one that is too narrow.
    """
    hits = interval.n_clusters if interval.value else 0
    exact = stats.binomtest(hits, interval.n_clusters).proportion_ci(level, "exact")
    return replace(interval, lo=float(exact.low), hi=float(exact.high), method="clopper-pearson")
