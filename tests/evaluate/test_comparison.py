"""Paired comparison of two systems against brute force and scipy, Holm against its definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import DataError
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.comparison import holm, paired_difference, sign_flip_test
from brainflix.evaluate.intervals import mean_interval
from brainflix.evaluate.ranges import RATE


@pytest.mark.parametrize("n_clusters", [1, 2, 7])
def test_few_clusters_are_flipped_in_every_way(n_clusters: int) -> None:
    generator = np.random.default_rng(n_clusters)
    clusters = np.repeat(np.arange(n_clusters), generator.integers(1, 5, n_clusters))
    difference = generator.standard_normal(len(clusters)) + 0.5
    found = sign_flip_test(difference, clusters)
    means = [abs(np.mean(difference * np.array(signs)[clusters])) for signs in product((-1.0, 1.0), repeat=n_clusters)]
    assert found.p == np.mean(np.array(means) >= abs(difference.mean()) - 1e-12)
    assert (found.n_patterns, found.exact) == (2**n_clusters, True)
    assert (found.p_min, found.n_group) == (2 / 2**n_clusters, 2**n_clusters)
    assert sign_flip_test(difference, clusters, seed=9) == found


def test_single_clips_equal_scipys_exact_permutation_test() -> None:
    difference = np.random.default_rng(0).standard_normal(12) + 0.4
    found = sign_flip_test(difference, np.arange(12))
    expected = stats.permutation_test((difference,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)


@pytest.mark.parametrize("n_clips", [1, 12])
def test_without_sign_patterns_there_is_no_p(n_clips: int) -> None:
    found = sign_flip_test(np.full(n_clips, 0.5), np.arange(n_clips), n_draws=0)
    assert np.isnan([found.p, found.p_min]).all() and (found.n_patterns, found.n_group) == (0, 0)


def test_many_clusters_are_flipped_at_random_and_come_near_the_exact_p() -> None:
    difference = np.random.default_rng(1).standard_normal(14) + 0.3
    exact = sign_flip_test(difference, np.arange(14))
    drawn = sign_flip_test(difference, np.arange(14), n_draws=4000, seed=1)
    assert exact.exact and not drawn.exact and drawn.n_patterns == 4000
    assert drawn.p == pytest.approx(exact.p, abs=4 * np.sqrt(exact.p * (1 - exact.p) / 4000) + 1 / 4001)
    assert drawn == sign_flip_test(difference, np.arange(14), n_draws=4000, seed=1)
    assert sign_flip_test(np.full(200, 1.0), np.arange(200), n_draws=999).p == 1 / 1000


def test_equal_systems_do_not_differ_and_nothing_defined_has_no_p() -> None:
    assert sign_flip_test(np.zeros(100), np.arange(100), n_draws=99).p == 1.0
    assert sign_flip_test(np.zeros(5), np.arange(5)).p == 1.0
    assert np.isnan(sign_flip_test(np.full(5, np.nan), np.arange(5)).p)


def test_clips_are_dropped_in_pairs_and_counted() -> None:
    generator = np.random.default_rng(2)
    a, b = generator.random((2, 80))
    clusters = np.arange(80) // 2
    a[[3, 10]], b[[10, 50]] = np.nan, np.nan
    kept = np.setdiff1d(np.arange(80), [3, 10, 50])
    found = paired_difference(a, b, clusters, seed=4)
    assert (found.interval.n, found.interval.n_nan) == (77, 3)
    assert found.interval.value == pytest.approx((a[kept] - b[kept]).mean())
    alone = paired_difference(a[kept], b[kept], clusters[kept], seed=4)
    assert (found.interval.lo, found.interval.hi, found.test) == (alone.interval.lo, alone.interval.hi, alone.test)
    with pytest.raises(DataError, match="not paired"):
        paired_difference(a, b[:-1], clusters)


def test_pairing_finds_what_unpaired_intervals_hide() -> None:
    generator = np.random.default_rng(3)
    clusters = np.arange(320) // 8
    hard = 3 * generator.standard_normal(40)[clusters]
    a = hard + 0.1 * generator.standard_normal(320) + 0.05
    b = hard + 0.1 * generator.standard_normal(320)
    apart = [cluster_bootstrap(each, clusters, n_boot=500) for each in (a, b)]
    assert apart[0].lo < apart[1].value < apart[0].hi
    found = paired_difference(a, b, clusters)
    assert found.interval.lo > 0 and found.test.p < 0.001
    assert found.interval == mean_interval(a - b, clusters)
    back = paired_difference(b, a, clusters)
    assert back.interval.value == pytest.approx(-found.interval.value) and back.test.p == found.test.p


def _holm_by_definition(p: np.ndarray, level: float) -> np.ndarray:
    """Reject from the smallest p on until one is above level / (tests left)."""
    rejected = np.zeros(len(p), dtype=bool)
    for step, test in enumerate(np.argsort(p)):
        if p[test] > level / (len(p) - step):
            break
        rejected[test] = True
    return rejected


def test_holm_rejects_what_its_definition_rejects_at_every_level() -> None:
    generator = np.random.default_rng(4)
    for size in (1, 2, 5, 9):
        p = generator.random(size) ** 3
        adjusted = holm(p)
        for level in generator.random(200):
            assert np.array_equal(adjusted <= level, _holm_by_definition(p, level))


def test_holm_of_known_values_ignores_tests_that_were_not_made() -> None:
    assert holm(np.array([0.01, np.nan, 0.04, 0.03])) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).size == 0


def test_holm_keeps_the_family_wise_error_where_plain_p_does_not() -> None:
    p = np.random.default_rng(5).random((2000, 8))
    assert np.mean([(holm(row) <= 0.05).any() for row in p]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean((p <= 0.05).any(axis=1)) > 0.25


def test_the_interval_of_a_difference_is_the_one_that_is_asked_for() -> None:
    a, b = np.random.default_rng(5).exponential(size=(2, 200)) ** 3
    clusters = np.arange(200) // 4
    found = paired_difference(a, b, clusters, n_boot=1000, method="bca").interval
    assert found == mean_interval(a - b, clusters, n_boot=1000, method="bca") and found.method == "bca"
    plain = paired_difference(a, b, clusters).interval
    assert plain == mean_interval(a - b, clusters) and plain.method == "t-neighbours" and plain.lo != found.lo


def test_the_interval_of_a_difference_stays_inside_what_two_scores_can_differ_by() -> None:
    a, b = np.ones(8), np.append(np.zeros(7), 0.4)
    assert paired_difference(a, b, 2 * np.arange(8)).interval.hi > 1
    assert paired_difference(a, b, 2 * np.arange(8), within=RATE).interval.hi == 1
