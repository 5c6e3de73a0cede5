"""What intervals and p values promise, on data sets without signal: coverage, uniform p, false positives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from rankings import by_orders, random_orders
from scipy import stats

from brainflix.evaluate import identification
from brainflix.evaluate.blocks import Interval
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.comparison import paired_difference, sign_flip_test
from brainflix.evaluate.design import Settings, apart
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.intervals import mean_interval
from tests.evaluate.worlds import coverage, design, matrix, p_values

Floats = NDArray[np.float64]


def _blocks(generator: np.random.Generator, clusters: NDArray[np.int64], skewed: bool = False) -> Floats:
    """Return clip scores of mean 0, half of whose variance is shared within a block."""
    shape = int(clusters.max()) + 1
    shared = generator.exponential(size=shape) - 1 if skewed else generator.standard_normal(shape)
    return np.asarray(shared[clusters] + generator.standard_normal(len(clusters)))


def _coverage(
    interval_of: Callable[[Floats, int], Interval],
    clusters: NDArray[np.int64],
    n_trials: int,
    seed: int,
    skewed: bool = False,
) -> float:
    """Return how often intervals, made of values and the trial's number, hold the mean 0 of block-correlated data."""
    generator = np.random.default_rng(seed)
    covered = 0
    for trial in range(n_trials):
        interval = interval_of(_blocks(generator, clusters, skewed), trial)
        covered += interval.lo <= 0 <= interval.hi
    return covered / n_trials


# Bounds of 250 data sets are wider than those of `make bench` by what so few scatter: 3 sd of a share of 0.05 among 250
# are 0.041.
@pytest.mark.parametrize(
    ("sizes", "rho", "n_sets", "most"),
    [
        ([60, 60], 0.8, 250, 0.091),
        ([60, 60], 0.5, 250, 0.091),
        ([40] * 4, 0.8, 250, 0.097),
        ([120], 0.8, 250, 0.099),
        ([1] * 102, 0.0, 250, 0.091),
    ],
    ids=["2 x 60, 0.8", "2 x 60, 0.5", "4 x 40, 0.8", "1 x 120, 0.8", "102 films"],
)
def test_p_is_uniform_without_signal_even_in_autocorrelated_clips(
    sizes: list[int], rho: float, n_sets: int, most: float
) -> None:
    p = p_values(sizes, rho, n_sets, seed=11)
    assert 0.02 <= np.mean(p <= 0.05) <= most
    # p lies on a grid of exchanges; spread over the step below each value it is continuous, as the test demands.
    step = design(sizes).exchanges.p_min
    spread = p - np.random.default_rng(0).random(n_sets) * step
    assert stats.kstest(spread, "uniform").pvalue > 0.01


def test_far_shifts_alone_reject_too_often_which_is_why_near_ones_are_in_the_group() -> None:
    """The identity with the shifts of 20 s or more is no group (docs/scoring.md, Permutations)."""
    generator, sizes, p = np.random.default_rng(12), [40] * 4, []
    for _ in range(250):
        scores = matrix(generator, sizes, 0.8)
        sums = [
            np.array([np.trace(scores[s : s + 40, s + (np.arange(40) + k) % 40]) for k in range(40)])
            for s in range(0, 160, 40)
        ]
        far = generator.integers(10, 31, (1999, 4))
        null = sum(each[far[:, number]] for number, each in enumerate(sums))
        p.append((1 + np.count_nonzero(null >= sum(each[0] for each in sums))) / 2000)
    assert np.mean(np.array(p) <= 0.05) > 0.11


def test_plain_permutation_is_too_liberal_for_autocorrelated_clips() -> None:
    generator, shared, p = np.random.default_rng(13), apart(np.arange(120), Settings(permutations=199)), []
    for _ in range(200):
        p.append(permuted(matrix(generator, [60, 60], 0.8), shared).p)
    assert np.mean(np.array(p) <= 0.05) > 0.12


def test_few_draws_of_the_group_keep_the_level() -> None:
    generator, p = np.random.default_rng(14), []
    for trial in range(250):
        p.append(permuted(matrix(generator, [60, 60], 0.8), design([60, 60], permutations=199, seed=trial)).p)
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.091


def test_re_pairing_p_of_a_coarse_score_errs_on_the_safe_side() -> None:
    generator = np.random.default_rng(12)
    p = []
    for trial in range(200):
        similarities = generator.standard_normal((60, 60))
        hits = identification.identification_matrix(similarities, 60, 1)
        p.append(by_orders(hits, random_orders(60, n_draws=199, seed=trial)).p)
    # About one hit in all: a handful of values, so p is above uniform but must not be below it at any level.
    for level in (0.05, 0.1, 0.2, 0.5, 0.8):
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 200)


@pytest.mark.parametrize(("method", "skewed"), [("percentile", False), ("bca", False), ("bca", True)])
def test_cluster_bootstrap_covers_the_mean_of_block_correlated_data(method: str, skewed: bool) -> None:
    clusters = np.repeat(np.arange(120), 5)

    def interval_of(values: Floats, trial: int) -> Interval:
        return cluster_bootstrap(values, clusters, n_boot=799, seed=trial, method=method)  # type: ignore[arg-type]

    assert 0.93 <= _coverage(interval_of, clusters, 800, seed=13, skewed=skewed) <= 0.97


def test_bootstrap_of_clips_is_too_narrow_for_block_correlated_data() -> None:
    clusters = np.repeat(np.arange(60), 8)

    def interval_of(values: Floats, trial: int) -> Interval:
        return cluster_bootstrap(values, np.arange(480), n_boot=400, seed=trial)

    assert _coverage(interval_of, clusters, 200, seed=14) < 0.8


@pytest.mark.parametrize("sizes", [[10] * 8, [10] * 8 + [5, 5, 8, 3]], ids=["equal", "unequal"])
def test_student_covers_the_mean_of_few_blocks(sizes: list[int]) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    assert 0.93 <= _coverage(lambda values, _: mean_interval(values, 2 * clusters), clusters, 2000, seed=15) <= 0.97


@pytest.mark.parametrize(("sizes", "rho"), [([60, 60], 0.0), ([60, 60], 0.5), ([240] * 5, 0.64)])
def test_intervals_cover_scores_that_go_together_from_clip_to_clip(sizes: list[int], rho: float) -> None:
    assert 0.92 <= coverage(sizes, rho, 400, seed=19) <= 0.985


def test_blocks_without_their_neighbours_cover_too_little() -> None:
    with_, without = (coverage([240] * 5, 0.64, 600, seed=20, neighbours=each) for each in (True, False))
    assert without < 0.94 and with_ > without + 0.01


def test_percentile_bootstrap_of_few_blocks_is_too_narrow() -> None:
    clusters = np.repeat(np.arange(8), 10)

    def interval_of(values: Floats, trial: int) -> Interval:
        return cluster_bootstrap(values, clusters, n_boot=499, seed=trial)

    assert _coverage(interval_of, clusters, 500, seed=16) < 0.93


@pytest.mark.parametrize("n_clusters", [10, 60], ids=["all patterns", "drawn patterns"])
def test_paired_test_rejects_equal_systems_in_five_of_a_hundred_data_sets(n_clusters: int) -> None:
    generator = np.random.default_rng(17)
    clusters = np.repeat(np.arange(n_clusters), 5)
    rejected = 0
    for trial in range(1500):
        difference = _blocks(generator, clusters) - _blocks(generator, clusters)
        rejected += sign_flip_test(difference, clusters, n_draws=599, seed=trial).p <= 0.05
    assert 0.03 <= rejected / 1500 <= 0.07


def test_wilcoxon_on_bootstrap_means_rejects_equal_systems_nearly_always() -> None:
    """100 bootstrap means of each system, compared by Wilcoxon's signed-rank test (docs/scoring.md, Known errors)."""
    generator = np.random.default_rng(18)
    clusters = np.arange(120) // 2
    released = ours = 0
    for trial in range(300):
        a, b = generator.standard_normal((2, 120))
        picks = generator.integers(0, 120, (2, 100, 120))
        means = a[picks[0]].mean(axis=1), b[picks[1]].mean(axis=1)
        released += stats.wilcoxon(*means).pvalue < 0.05
        ours += paired_difference(a, b, clusters, n_boot=99, n_draws=599, seed=trial).test.p < 0.05
    # The difference of means has spread s and 100 bootstrap differences scatter about it with the same s, so a test on
    # them is sure of the sign unless the difference is within 1.96 s / 10 of nothing (docs/scoring.md, Known errors).
    theory = 2 * stats.norm.sf(1.96 / np.sqrt(101))
    assert released / 300 == pytest.approx(theory, abs=0.06)
    assert released / 300 > 0.7 > 0.08 > ours / 300
