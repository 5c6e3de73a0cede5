"""Permutations without a data set: no true pair in the floor, exact tests, and names that do not matter."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.design import Settings, apart, by_blocks, by_film, longest_block
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.permutations import circular_orders, permutation_test


def test_the_floor_is_the_mean_of_all_mismatched_pairs_where_they_are_affordable() -> None:
    matrix = np.random.default_rng(0).random((7, 7))
    design = apart(np.random.default_rng(1).permutation(7), Settings(permutations=2000))
    off = ~np.eye(7, dtype=bool)
    assert permuted(matrix, design).chance == pytest.approx(matrix[off].mean())


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_p_is_that_of_all_permutations(higher_is_better: bool) -> None:
    matrix = np.random.default_rng(2).random((5, 5)) + 0.15 * np.eye(5)
    null = np.array([matrix[np.arange(5), list(order)].mean() for order in permutations(range(5))])
    observed = np.diagonal(matrix).mean()
    exact = np.mean(null >= observed - 1e-12 if higher_is_better else null <= observed + 1e-12)
    design = apart(np.arange(5), Settings(permutations=2000))
    assert permuted(matrix, design, higher_is_better=higher_is_better).p == pytest.approx(exact, abs=0.02)


def test_the_floor_holds_no_true_pair_and_the_draws_are_seeded() -> None:
    rank = np.random.default_rng(3).permutation(50)
    design = apart(rank, Settings(permutations=80, seed=4))
    again, other = (apart(rank, Settings(permutations=80, seed=seed)) for seed in (4, 5))
    assert (design.floor != np.arange(50)).all(), "no clip meets its own truth"
    assert np.array_equal(design.strangers(np.arange(design.n_clips)), ~np.eye(50, dtype=bool))
    assert (np.sort(design.test, axis=1) == np.arange(50)).all() and len(design.test) == 80
    assert np.array_equal(design.test, again.test) and not np.array_equal(design.test, other.test)


@pytest.mark.parametrize("n_draws", [200, 5])
def test_renamed_clips_get_the_same_numbers(n_draws: int) -> None:
    matrix, rank = np.random.default_rng(5).random((12, 12)), np.random.default_rng(6).permutation(12)
    before = permuted(matrix, apart(rank, Settings(permutations=n_draws)))
    order = np.random.default_rng(7).permutation(12)
    after = permuted(matrix[np.ix_(order, order)], apart(rank[order], Settings(permutations=n_draws)))
    assert (after.chance, after.p) == pytest.approx((before.chance, before.p))


def test_p_is_uniform_where_there_is_nothing_to_find() -> None:
    rng = np.random.default_rng(8)
    for n, n_draws in ((8, 200), (60, 19)):
        design = apart(rng.permutation(n), Settings(permutations=n_draws))
        found = []
        for _ in range(300):
            prediction, truth = rng.standard_normal((n, 1)), rng.standard_normal((1, n))
            found.append(permuted(-np.abs(prediction - truth), design).p)
        # 300 draws of a rate of 0.05 and of 0.5: four standard errors.
        assert np.mean(np.array(found) <= 0.05) < 0.05 + 4 * 0.0126
        assert abs(np.mean(np.array(found) <= 0.5) - 0.5) < 4 * 0.029


def test_blocks_stay_together_and_shift_by_one_at_least() -> None:
    design = by_blocks(10, 3, Settings(permutations=2000))
    gap = (design.floor - np.arange(10)) % 10
    assert (gap == gap[:, :1]).all() and sorted(gap[:, 0]) == [3, 4, 5, 6, 7]
    assert design.clusters.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    with pytest.raises(DataError, match="too few"):
        by_blocks(5, 3, Settings(permutations=2000))


def test_nothing_to_re_pair_is_undefined_and_no_error() -> None:
    for n, n_draws in ((1, 200), (4, 0)):
        design = apart(np.arange(n), Settings(permutations=n_draws))
        result = permuted(np.eye(n), design)
        assert np.isnan(result.chance) and np.isnan(result.p) and not design.strangers(np.arange(design.n_clips)).any()
    with pytest.raises(UsageError, match="not possible"):
        by_blocks(4, 0, Settings(permutations=1))


def film(*sizes: int, step_s: float = 2.0) -> tuple[list[str], np.ndarray]:
    """Return segment and onset of clips, `sizes` of them in each segment."""
    segment = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return segment, np.concatenate([step_s * np.arange(size) for size in sizes])


def test_film_is_shifted_within_segments_and_one_set_of_shifts_gives_chance_and_p() -> None:
    segment, onset_s = film(24, 30)
    design = by_film(segment, onset_s, Settings(permutations=2000))
    expected = circular_orders(segment, min_shift=10, n_draws=2000, onset_s=onset_s)
    assert np.array_equal(design.floor, expected) and design.test is design.floor and design.together
    assert len(np.unique(design.clusters)) == 3 + 3
    matrix = np.random.default_rng(0).random((54, 54)) + 0.2 * np.eye(54)
    matrix[3, 5] = np.nan
    found, whole = permuted(matrix, design), permutation_test(matrix, expected)
    assert (found.chance, found.p, found.n_draws) == (whole.chance, whole.p, whole.n_draws)
    # Twice as many clips in the same time are shifted by twice as many.
    dense = by_film(*film(48, 60, step_s=1.0), Settings(permutations=2000))
    assert np.abs(dense.floor - np.arange(108)).min() == 20


def test_segments_too_short_for_two_shifts_fall_back_on_blocks_and_single_clips() -> None:
    segment, onset_s = film(12, 30)
    settings = Settings(permutations=500, seed=3)
    short, blocks = by_film(segment, onset_s, settings), by_blocks(42, 10, settings)
    assert np.array_equal(short.floor, blocks.floor) and np.array_equal(short.test, blocks.test)
    assert short.said == "rotations by 10 clips or more" and len(np.unique(short.clusters)) == 2 + 3
    rank = np.random.default_rng(0).permutation(6)
    alone = by_film([f"f{i}" for i in range(6)], np.zeros(6), settings, rank)
    assert np.array_equal(alone.test, apart(rank, settings).test) and not alone.together
    assert longest_block(segment, onset_s, 20.0) == 10
    with pytest.raises(DataError, match="too few"):
        by_film(*film(12), settings)
    assert not by_film(*film(24, 30), Settings(permutations=0)).permutes
