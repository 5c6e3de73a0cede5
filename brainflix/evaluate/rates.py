"""The interval of a rate, which must not shrink to a point where every clip fails or every clip succeeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.evaluate.bootstrap import Interval, Method, cluster_sums, mean_interval


def rate_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    seed: int | np.random.Generator = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Return the mean over clips of a score in [0, 1] with its interval, honest at 0 and at 1 too.

    As `mean_interval`, except where all clips score 0, or all 1: neither resampling nor a standard error can tell how
    rare the other outcome is. There the limits are Clopper and Pearson's of 0 or all successes among the clusters.

    Args:
        values: array of shape (n_clips,), each in [0, 1]; NaN clips are left out and counted.
        clusters: array of shape (n_clips,), the cluster of each clip.
        n_boot: bootstrap replicates.
        seed: of the resampling.
        level: coverage aimed at.
        method: of the bootstrap, where there are clusters enough for one.

    Returns:
        The interval; its `method` says which.
    """
    interval = mean_interval(values, clusters, n_boot=n_boot, seed=seed, level=level, method=method)
    sums, sizes, _ = cluster_sums(values, clusters)
    failures = not sums.any()
    if not len(sums) or not (failures or np.array_equal(sums, sizes)):
        return interval
    # Trials are clusters, not clips: clips of a block may succeed and fail together, and where all agree nothing in the
    # data says by how much. A cluster's mean exceeds 0 at least as often as it is large on average, so the limit on
    # "how often is it above 0" is one on the rate as well, whether clips count 0 and 1 or anything between. Clusters
    # that hang together less than fully get an interval that is too wide, never one that is too narrow.
    exact = stats.binomtest(0 if failures else len(sums), len(sums)).proportion_ci(level, "exact")
    return replace(interval, lo=float(exact.low), hi=float(exact.high), method="clopper-pearson")
