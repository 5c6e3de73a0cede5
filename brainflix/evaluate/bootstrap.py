"""Intervals of a mean over clips that respect how clips hang together: cluster bootstrap and Student's t."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import DataError, UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Method = Literal["percentile", "bca"]
# Entries of a block of bootstrap weights held at once.
BLOCK = 2**18
# With fewer clusters the bootstrap's intervals are too narrow; Student's t is used (docs/scoring.md, Intervals).
FEW_CLUSTERS = 30
# Length of a stimulus block in seconds where nobody asks for another (docs/scoring.md, Intervals).
BLOCK_S = 20.0


@dataclass(frozen=True)
class Interval:
    """Mean with its 95 % (or other) interval; se is the cluster standard error, n the defined clips."""

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

    Args:
        segment: n_clips names of the movies or segments that clips were cut from.
        onset_s: array of shape (n_clips,), onset in its segment in seconds.
        block_s: length of a block in seconds.

    Returns:
        Array of shape (n_clips,), cluster numbers from 0.
    """
    _, movie = np.unique(np.asarray(segment), return_inverse=True)
    block = np.floor(np.asarray(onset_s, np.float64) / block_s).astype(np.int64)
    _, cluster = np.unique(np.stack([movie, block], axis=1), axis=0, return_inverse=True)
    return np.asarray(cluster, np.int64).reshape(-1)


def defined_mean(values: NDArray[Any]) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else np.nan


def mean_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    seed: int | np.random.Generator = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Return the mean over clips with the interval that its number of clusters allows (docs/scoring.md, Intervals).

    Student's t where fewer than FEW_CLUSTERS clusters have a value, else the cluster bootstrap by `method`; arguments
    as of `cluster_bootstrap`.
    """
    _, sizes, _ = cluster_sums(values, clusters)
    if len(sizes) < FEW_CLUSTERS:
        return cluster_t(values, clusters, level=level)
    return cluster_bootstrap(values, clusters, n_boot=n_boot, seed=seed, level=level, method=method)


def cluster_bootstrap(
    values: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    seed: int | np.random.Generator = 0,
    level: float = 0.95,
    method: Method = "percentile",
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
    sums, sizes, n_nan = cluster_sums(values, clusters)
    n, n_clusters = int(sizes.sum()), len(sums)
    value = float(sums.sum() / n) if n else np.nan
    if n_clusters < 2:
        return Interval(value, np.nan, np.nan, np.nan, n, n_nan, n_clusters, method)
    estimates = np.concatenate([(w @ sums) / (w @ sizes) for w in resampled(n_clusters, n_boot, seed)])
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        left_out = (sums.sum() - sums) / (n - sizes)
        tails = _bca_tails(tails, estimates, value, left_out)
    lo, hi = np.quantile(estimates, tails)
    return Interval(value, float(lo), float(hi), float(estimates.std(ddof=1)), n, n_nan, n_clusters, method)


def cluster_t(values: NDArray[Any], clusters: NDArray[Any], *, level: float = 0.95) -> Interval:
    """Return the mean over clips with a t interval (n_clusters - 1 df), for fewer than about 30 clusters.

    The standard error is the cluster-robust one of the clip mean m, from the clusters' sums S and sizes n:
    se^2 = C / (C - 1) sum (S - n m)^2 / (sum n)^2. For clusters of equal size that is the standard error of the mean of
    cluster means; for others it still belongs to the mean over clips, which chance and baselines are means of as well.

    Args:
        values: array of shape (n_clips,); NaN clips are left out and counted.
        clusters: array of shape (n_clips,), the cluster of each clip.
        level: coverage aimed at.

    Returns:
        The interval; NaN limits with fewer than two clusters.
    """
    sums, sizes, n_nan = cluster_sums(values, clusters)
    n, n_clusters = int(sizes.sum()), len(sums)
    value = float(sums.sum() / n) if n else np.nan
    if n_clusters < 2:
        return Interval(value, np.nan, np.nan, np.nan, n, n_nan, n_clusters, "t")
    residuals = sums - sizes * value
    se = float(np.sqrt(n_clusters / (n_clusters - 1) * np.square(residuals).sum()) / n)
    reach = float(stats.t.ppf((1 + level) / 2, n_clusters - 1)) * se
    return Interval(value, value - reach, value + reach, se, n, n_nan, n_clusters, "t")


def cluster_sums(values: NDArray[Any], clusters: NDArray[Any]) -> tuple[Floats, Floats, int]:
    """Return sum and size of each cluster over its defined clips, and how many clips are undefined.

    Args:
        values: array of shape (n_clips,), NaN where undefined.
        clusters: array of shape (n_clips,), the cluster of each clip.

    Returns:
        Two arrays of shape (n_clusters,), clusters without a defined clip left out, and the number of NaN clips.
    """
    scores = np.asarray(values, np.float64)
    labels = np.asarray(clusters)
    if scores.ndim != 1 or labels.shape != scores.shape:
        raise DataError(f"values {scores.shape} and clusters {labels.shape} are not both (n_clips,)")
    defined = ~np.isnan(scores)
    names, member = np.unique(labels[defined], return_inverse=True)
    sums: Floats = np.bincount(member, scores[defined], minlength=len(names)).astype(np.float64)
    return sums, np.bincount(member, minlength=len(names)).astype(np.float64), int(np.count_nonzero(~defined))


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
