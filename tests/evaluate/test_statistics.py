"""Bootstrap coverage, permutation p under the null and with signal, admissible shifts, speed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import statistics as st


def test_clusters_are_blocks_of_a_segment() -> None:
    segment = ["a", "a", "a", "b", "b"]
    assert st.block_clusters(segment, np.array([0, 18, 20, 0, 19.9])).tolist() == [0, 0, 1, 2, 2]


def test_bootstrap_covers_the_mean_of_block_correlated_data() -> None:
    generator = np.random.default_rng(0)
    clusters = np.repeat(np.arange(60), 8)
    covered = naive = 0
    trials = 400
    for trial in range(trials):
        values = generator.standard_normal(60)[clusters] + generator.standard_normal(480)
        interval = st.cluster_bootstrap(values, clusters, n_boot=1000, seed=trial)
        covered += interval.lo <= 0 <= interval.hi
        alone = st.cluster_bootstrap(values, np.arange(480), n_boot=400, seed=trial)
        naive += alone.lo <= 0 <= alone.hi
    assert 0.91 <= covered / trials <= 0.98
    assert naive / trials < 0.8


def test_bootstrap_se_is_that_of_the_ratio_of_cluster_sums() -> None:
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), generator.integers(1, 12, 40))
    values = generator.standard_normal(40)[clusters] + generator.standard_normal(len(clusters))
    interval = st.cluster_bootstrap(values, clusters)
    residual = np.bincount(clusters, values - values.mean())
    linearised = np.sqrt((residual**2).sum()) / len(values)
    assert interval.value == pytest.approx(values.mean())
    assert interval.se == pytest.approx(linearised, rel=0.08)
    assert interval.n_clusters == 40


def test_bootstrap_is_seeded_and_free_of_clip_order_and_nan() -> None:
    generator = np.random.default_rng(2)
    values, clusters = generator.standard_normal(90), np.arange(90) // 3
    first, again = st.cluster_bootstrap(values, clusters, seed=3), st.cluster_bootstrap(values, clusters, seed=3)
    assert first == again
    assert first != st.cluster_bootstrap(values, clusters, seed=4)
    order = generator.permutation(90)
    shuffled = st.cluster_bootstrap(values[order], clusters[order], seed=3)
    assert (shuffled.lo, shuffled.hi) == pytest.approx((first.lo, first.hi), abs=1e-12)
    holes = st.cluster_bootstrap(np.append(values, [np.nan, np.nan]), np.append(clusters, [0, 99]), seed=3)
    assert (holes.lo, holes.hi) == pytest.approx((first.lo, first.hi), abs=1e-12)
    assert (holes.n, holes.n_nan) == (90, 2)


def test_one_cluster_gives_no_interval() -> None:
    interval = st.cluster_bootstrap(np.array([1.0, 2.0]), np.array([0, 0]))
    assert interval.value == 1.5
    assert np.isnan([interval.lo, interval.hi]).all()
    assert np.isnan(st.cluster_bootstrap(np.array([np.nan]), np.array([0])).value)


def test_t_interval_equals_scipy_on_cluster_means() -> None:
    values = np.random.default_rng(3).standard_normal(24)
    interval = st.cluster_t(values, np.arange(24) // 4)
    means = values.reshape(6, 4).mean(axis=1)
    expected = stats.t.interval(0.95, 5, means.mean(), stats.sem(means))
    assert (interval.lo, interval.hi) == pytest.approx(expected)


def test_t_interval_is_about_the_mean_over_clips_whatever_the_sizes_of_clusters() -> None:
    clusters = np.repeat(np.arange(9), [1, 2, 3, 20, 4, 5, 6, 2, 9])
    generator = np.random.default_rng(4)
    values = generator.standard_normal(9)[clusters] + generator.standard_normal(len(clusters))
    interval = st.cluster_t(np.append(values, np.nan), np.append(clusters, 50))
    # The cluster-robust variance of a regression on a constant: (X'X)^-1 (sum of outer products) (X'X)^-1 C / (C - 1).
    x, meat = np.ones((len(values), 1)), np.zeros((1, 1))
    for cluster in range(9):
        score = x[clusters == cluster].T @ (values - values.mean())[clusters == cluster]
        meat += np.outer(score, score)
    bread = np.linalg.inv(x.T @ x)
    se = np.sqrt((bread @ meat @ bread)[0, 0] * 9 / 8)
    expected = stats.t.interval(0.95, 8, values.mean(), se)
    assert interval.value == pytest.approx(values.mean())
    assert interval.se == pytest.approx(se)
    assert (interval.lo, interval.hi) == pytest.approx(expected)
    assert (interval.n, interval.n_nan, interval.n_clusters) == (len(values), 1, 9)


def test_t_interval_covers_the_mean_of_few_unequal_blocks() -> None:
    generator = np.random.default_rng(5)
    clusters = np.repeat(np.arange(12), [10] * 8 + [5, 5, 8, 3])
    covered = 0
    for _ in range(1000):
        values = generator.standard_normal(12)[clusters] + generator.standard_normal(len(clusters))
        interval = st.cluster_t(values, clusters)
        covered += interval.lo <= 0 <= interval.hi
    assert 0.93 <= covered / 1000 <= 0.97


def test_multinomial_counts_have_the_right_sum_and_spread() -> None:
    weights = st._multinomial(np.random.default_rng(0), 4000, 25)
    assert (weights.sum(axis=1) == 25).all()
    assert weights.var(axis=0) == pytest.approx(np.full(25, 24 / 25), rel=0.15)


def test_circular_orders_rotate_each_group_by_an_admissible_shift() -> None:
    groups = np.array(["b", "a"] * 12)
    orders = st.circular_orders(groups, min_shift=3, n_draws=500, seed=0)
    for name in "ab":
        members = np.flatnonzero(groups == name)
        local = np.searchsorted(members, orders[:, members])
        assert np.array_equal(members[local], orders[:, members])
        shifts = (local - np.arange(12)) % 12
        assert (shifts == shifts[:, :1]).all()
        assert set(shifts[:, 0]) == set(range(3, 10))
    assert not np.array_equal(orders[:, 0] // 2, orders[:, 1] // 2)


@pytest.mark.parametrize(("groups", "n_distinct"), [([60], 41), ([60, 60], 1681), ([60, 40], 41 * 21)])
def test_all_re_pairings_are_taken_once_where_there_are_few(groups: list[int], n_distinct: int) -> None:
    names = np.repeat(np.arange(len(groups)), groups)
    orders = st.circular_orders(names, min_shift=10, n_draws=1681)
    assert orders.shape == (n_distinct, sum(groups))
    assert len(np.unique(orders, axis=0)) == n_distinct
    assert len(st.circular_orders(names, min_shift=10, n_draws=n_distinct - 1)) == n_distinct - 1


def test_p_cannot_be_below_what_one_segment_of_sixty_clips_can_attain() -> None:
    matrix = np.random.default_rng(0).random((60, 60)) + 10 * np.eye(60)
    found = st.repairing_test(matrix, st.circular_orders(["m"] * 60, min_shift=10, n_draws=10_000))
    shifted = [np.mean([matrix[i, (i + shift) % 60] for i in range(60)]) for shift in range(10, 51)]
    assert found.p == 1 / 42
    assert found.n_draws == 41
    assert found.chance == pytest.approx(np.mean(shifted))


def test_circular_orders_follow_time_not_the_order_of_the_array() -> None:
    onset = np.array([6.0, 0.0, 4.0, 2.0])
    orders = st.circular_orders(["m"] * 4, min_shift=1, n_draws=50, seed=0, onset_s=onset)
    steps = (onset[orders] - onset) % 8
    assert (steps == steps[:, :1]).all()


def test_short_groups_and_self_shifts_are_refused() -> None:
    with pytest.raises(DataError, match=r"group m of 5 clips .* evaluate\.min_shift_s"):
        st.circular_orders(["m"] * 5, min_shift=3)
    with pytest.raises(UsageError, match="itself"):
        st.circular_orders(["m"] * 5, min_shift=0)


def test_random_orders_are_permutations_and_derangements_on_request() -> None:
    plain = st.random_orders(4, n_draws=3000, seed=0)
    assert (np.sort(plain, axis=1) == np.arange(4)).all()
    assert len(np.unique(plain, axis=0)) == 24
    strict = st.random_orders(4, n_draws=3000, seed=0, allow_self=False)
    assert (strict != np.arange(4)).all()
    kinds, counts = np.unique(strict, axis=0, return_counts=True)
    assert len(kinds) == 9
    assert stats.chisquare(counts).pvalue > 0.001


def test_null_is_the_mean_over_the_defined_pairs() -> None:
    matrix = np.random.default_rng(0).standard_normal((6, 6))
    matrix[:, 2] = np.nan
    orders = st.random_orders(6, n_draws=20, seed=1)
    expected = [np.nanmean(matrix[np.arange(6), order]) for order in orders]
    assert st.repairing_null(matrix, orders) == pytest.approx(expected)


def _autocorrelated(generator: np.random.Generator, n: int, rho: float = 0.7, dims: int = 5) -> np.ndarray:
    series = generator.standard_normal((n, dims))
    for t in range(1, n):
        series[t] = rho * series[t - 1] + np.sqrt(1 - rho**2) * series[t]
    return series


def _p_values(scheme: str) -> np.ndarray:
    generator = np.random.default_rng(11)
    groups = np.repeat(np.arange(3), 60)
    result = []
    for trial in range(200):
        a, b = ([_autocorrelated(generator, 60) for _ in range(3)] for _ in range(2))
        matrix = np.concatenate(a) @ np.concatenate(b).T
        if scheme == "circular":
            orders = st.circular_orders(groups, min_shift=5, n_draws=499, seed=trial)
        else:
            orders = st.random_orders(180, n_draws=499, seed=trial)
        result.append(st.repairing_test(matrix, orders).p)
    return np.array(result)


def test_p_is_uniform_without_signal_even_in_autocorrelated_clips() -> None:
    assert stats.kstest(_p_values("circular"), "uniform").pvalue > 0.01


def test_plain_permutation_is_too_liberal_for_autocorrelated_clips() -> None:
    assert np.mean(_p_values("plain") < 0.05) > 0.08


def test_signal_is_found_and_errors_count_downwards() -> None:
    generator = np.random.default_rng(0)
    truth = generator.standard_normal((80, 10))
    matrix = (truth + generator.standard_normal((80, 10))) @ truth.T
    orders = st.circular_orders(["m"] * 40 + ["n"] * 40, min_shift=5, n_draws=999, seed=0)
    found = st.repairing_test(matrix, orders)
    assert found.p == 1 / (1 + 31 * 31)
    assert found.observed == pytest.approx(np.trace(matrix) / 80)
    assert abs(found.chance) < 4 * found.null_sd
    assert st.repairing_test(-matrix, orders, higher_is_better=False).p == found.p
    assert st.repairing_test(-matrix, orders).p == 1.0


def test_p_counts_ties_and_ignores_undefined_draws() -> None:
    result = st.from_null(0.3, np.array([0.1 + 0.2, 0.1, np.nan, 0.2, 0.9]))
    assert result.p == pytest.approx(3 / 5)
    assert result.n_draws == 4
    assert np.isnan(st.from_null(np.nan, np.ones(3)).p)


def test_ten_thousand_cluster_bootstraps_take_under_a_second() -> None:
    values = np.random.default_rng(0).standard_normal(1200)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        st.cluster_bootstrap(values, np.arange(1200) // 10)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
