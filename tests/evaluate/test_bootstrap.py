"""Bootstrap of blocks, and the t interval of those without neighbours: against scipy, sandwich variance, seeds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import UsageError
from brainflix.evaluate import bootstrap as bs
from brainflix.evaluate.blocks import neighbours_t


def test_bootstrap_se_is_that_of_the_ratio_of_cluster_sums() -> None:
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), generator.integers(1, 12, 40))
    values = generator.standard_normal(40)[clusters] + generator.standard_normal(len(clusters))
    interval = bs.cluster_bootstrap(values, clusters)
    residual = np.bincount(clusters, values - values.mean())
    linearised = np.sqrt((residual**2).sum()) / len(values)
    assert interval.value == pytest.approx(values.mean())
    assert interval.se == pytest.approx(linearised, rel=0.08)
    assert interval.n_clusters == 40


def test_bootstrap_is_seeded_and_free_of_clip_order_and_nan() -> None:
    generator = np.random.default_rng(2)
    values, clusters = generator.standard_normal(90), np.arange(90) // 3
    first, again = bs.cluster_bootstrap(values, clusters, seed=3), bs.cluster_bootstrap(values, clusters, seed=3)
    assert first == again
    assert first != bs.cluster_bootstrap(values, clusters, seed=4)
    order = generator.permutation(90)
    shuffled = bs.cluster_bootstrap(values[order], clusters[order], seed=3)
    assert (shuffled.lo, shuffled.hi) == pytest.approx((first.lo, first.hi), abs=1e-12)
    holes = bs.cluster_bootstrap(np.append(values, [np.nan, np.nan]), np.append(clusters, [0, 99]), seed=3)
    assert (holes.lo, holes.hi) == pytest.approx((first.lo, first.hi), abs=1e-12)
    assert (holes.n, holes.n_nan) == (90, 2)


def test_one_cluster_gives_no_interval() -> None:
    interval = bs.cluster_bootstrap(np.array([1.0, 2.0]), np.array([0, 0]))
    assert interval.value == 1.5
    assert np.isnan([interval.lo, interval.hi]).all()
    assert np.isnan(bs.cluster_bootstrap(np.array([np.nan]), np.array([0])).value)


def test_t_interval_is_about_the_mean_over_clips_whatever_the_sizes_of_clusters() -> None:
    clusters = 2 * np.repeat(np.arange(9), [1, 2, 3, 20, 4, 5, 6, 2, 9])
    generator = np.random.default_rng(4)
    values = generator.standard_normal(9)[clusters // 2] + generator.standard_normal(len(clusters))
    interval = neighbours_t(np.append(values, np.nan), np.append(clusters, 50))
    # The cluster-robust variance of a regression on a constant: (X'X)^-1 (sum of outer products) (X'X)^-1 C / (C - 1).
    x, meat = np.ones((len(values), 1)), np.zeros((1, 1))
    for cluster in range(0, 18, 2):
        score = x[clusters == cluster].T @ (values - values.mean())[clusters == cluster]
        meat += np.outer(score, score)
    bread = np.linalg.inv(x.T @ x)
    se = np.sqrt((bread @ meat @ bread)[0, 0] * 9 / 8)
    expected = stats.t.interval(0.95, 8, values.mean(), se)
    assert interval.value == pytest.approx(values.mean())
    assert interval.se == pytest.approx(se)
    assert (interval.lo, interval.hi) == pytest.approx(expected)
    assert (interval.n, interval.n_nan, interval.n_clusters) == (len(values), 1, 9)


def test_multinomial_counts_have_the_right_sum_and_spread() -> None:
    weights = bs._multinomial(np.random.default_rng(0), 4000, 25)
    assert (weights.sum(axis=1) == 25).all()
    assert weights.var(axis=0) == pytest.approx(np.full(25, 24 / 25), rel=0.15)


def test_bca_equals_scipy_on_the_same_replicates() -> None:
    values = np.random.default_rng(6).exponential(size=40)
    alone = np.arange(40)
    ours = bs.cluster_bootstrap(values, alone, n_boot=4000, seed=1, method="bca")
    replicates = np.concatenate([weights @ values / 40 for weights in bs.resampled(40, 4000, 1)])
    # scipy computes bias and acceleration itself, by its own jackknife, and takes our replicates as they are.
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=0, bootstrap_result=SimpleNamespace(bootstrap_distribution=replicates)
    )
    expected = (found.confidence_interval.low, found.confidence_interval.high)
    assert (ours.lo, ours.hi) == pytest.approx(expected, rel=1e-9)
    plain = bs.cluster_bootstrap(values, alone, n_boot=4000, seed=1)
    assert ours.lo > plain.lo and ours.hi > plain.hi, "a skewed mean moves the interval to the long tail"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bca_equals_scipy_with_draws_of_its_own_within_monte_carlo_error(seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=60)
    ours = bs.cluster_bootstrap(values, np.arange(60), n_boot=20_000, seed=seed, method="bca")
    found = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(seed + 10))
    # The standard error of a quantile q is sqrt(q (1 - q) / B) / f, f the density there; near normal for 60 clips.
    error = np.sqrt(0.025 * 0.975 / 20_000) / stats.norm.pdf(1.96) * ours.se
    assert ours.lo == pytest.approx(found.confidence_interval.low, abs=4 * np.sqrt(2) * error)
    assert ours.hi == pytest.approx(found.confidence_interval.high, abs=4 * np.sqrt(2) * error)


def test_bca_leaves_out_clusters_and_not_clips() -> None:
    generator = np.random.default_rng(7)
    clusters = np.repeat(np.arange(35), generator.integers(1, 9, 35))
    values = generator.exponential(size=35)[clusters] + 0.1 * generator.standard_normal(len(clusters))
    ours = bs.cluster_bootstrap(values, clusters, n_boot=3000, seed=2, method="bca")
    plain = [values[clusters == c] for c in range(35)]
    replicates = np.concatenate(
        [
            [np.concatenate([plain[c] for c in np.repeat(np.arange(35), row.astype(int))]).mean() for row in weights]
            for weights in bs.resampled(35, 3000, 2)
        ]
    )
    left = np.array([values[clusters != c].mean() for c in range(35)])
    a = stats.skew(left.mean() - left) / (6 * np.sqrt(35))
    bias = stats.norm.ppf(np.mean(replicates < values.mean()))
    z = bias + stats.norm.ppf([0.025, 0.975])
    expected = np.quantile(replicates, stats.norm.cdf(bias + z / (1 - a * z)))
    assert (ours.lo, ours.hi) == pytest.approx(expected, rel=1e-9)


def test_bca_of_equal_clips_is_a_point_and_unknown_intervals_are_refused() -> None:
    same = bs.cluster_bootstrap(np.full(8, 0.5), np.arange(8), n_boot=99, method="bca")
    assert (same.lo, same.hi, same.method) == (0.5, 0.5, "bca")
    with pytest.raises(UsageError, match="bootstrap interval"):
        bs.cluster_bootstrap(np.arange(8.0), np.arange(8), method="basic")  # type: ignore[arg-type]
