"""Bootstrap of whole blocks, for those who ask for it: the default interval is `blocks.neighbours_t`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import UsageError
from brainflix.evaluate.blocks import Floats, Interval, cluster_sums

# Entries of a block of bootstrap weights held at once.
BLOCK = 2**18


def cluster_bootstrap(
    values: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    seed: int | np.random.Generator = 0,
    level: float = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
) -> Interval:
    """Return the mean over clips with an interval from resampling whole clusters.

    Multinomial weights W over clusters give every replicate at once as (W S) / (W n), S and n being cluster sums and
    sizes. For the difference of two systems, pass clip-wise differences.

    Args:
        values: array of shape (n_clips,); NaN clips are left out and counted.
        clusters: array of shape (n_clips,), the cluster of each clip.
        n_boot: replicates.
        seed: of the resampling.
        level: coverage aimed at.
        method: "percentile", or "bca" (bias-corrected and accelerated; the acceleration from leaving out clusters),
            which follows a skewed distribution of scores.

    Returns:
        The interval; NaN limits with fewer than two clusters.
    """
    if method not in ("percentile", "bca"):
        raise UsageError(f"unknown bootstrap interval {method!r}", next="use percentile or bca")
    found = cluster_sums(values, clusters)
    sums, sizes, n, n_nan = found.sums, found.sizes, found.n, found.n_nan
    value, n_clusters = found.mean, len(sums)
    if n_clusters < 2:
        return Interval(value, np.nan, np.nan, np.nan, n, n_nan, n_clusters, method)
    estimates = np.concatenate([(w @ sums) / (w @ sizes) for w in resampled(n_clusters, n_boot, seed)])
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        left_out = (sums.sum() - sums) / (n - sizes)
        tails = _bca_tails(tails, estimates, value, left_out)
    lo, hi = np.quantile(estimates, tails)
    return Interval(value, float(lo), float(hi), float(estimates.std(ddof=1)), n, n_nan, n_clusters, method)


def resampled(n_units: int, n_boot: int, seed: int | np.random.Generator) -> Iterator[Floats]:
    """Yield blocks of bootstrap weights of shape (n_rows, n_units), `n_boot` rows in all, each with sum `n_units`."""
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // n_units)
    for start in range(0, n_boot, block):
        yield _multinomial(generator, min(block, n_boot - start), n_units)


def _bca_tails(tails: Floats, estimates: Floats, value: float, left_out: Floats) -> Floats:
    """Move the tail probabilities by the median bias of the replicates and their acceleration (Efron 1987)."""
    below, at = np.count_nonzero(estimates < value), np.count_nonzero(estimates == value)
    rank = (below + at / 2) / len(estimates)
    away = left_out.mean() - left_out
    spread = np.square(away).sum()
    if not 0 < rank < 1 or spread == 0:
        # No replicate on one side of the estimate: there is no bias to estimate, and none to correct.
        return tails
    acceleration = (away**3).sum() / (6 * spread**1.5)
    bias = stats.norm.ppf(rank)
    shifted = bias + stats.norm.ppf(tails)
    moved: Floats = stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    return moved


def _multinomial(generator: np.random.Generator, n_rows: int, n_clusters: int) -> Floats:
    """Draw rows of multinomial(n_clusters, 1/n_clusters) by counting uniform picks, faster than binomial chains."""
    picks = generator.integers(0, n_clusters, (n_rows, n_clusters), dtype=np.int32)
    picks += np.arange(n_rows, dtype=np.int32)[:, None] * np.int32(n_clusters)
    return np.bincount(picks.ravel(), minlength=n_rows * n_clusters).reshape(n_rows, n_clusters).astype(np.float64)
