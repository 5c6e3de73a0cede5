"""What is known of clips decides who meets whom: exact tests, and names that do not matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from brainflix.errors import UsageError
from brainflix.evaluate.design import Settings, apart, by_blocks, by_film
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.pairings import scratch_bytes
from tests.evaluate.worlds import film


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


def test_draws_are_seeded() -> None:
    rank = np.random.default_rng(3).permutation(50)
    draws = [apart(rank, Settings(permutations=80, seed=seed)).exchanges.orders for seed in (4, 4, 5)]
    assert (np.sort(draws[0], axis=1) == np.arange(50)).all() and len(draws[0]) == 80
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])


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


def test_blocks_are_neighbours_and_single_clips_are_not() -> None:
    design = by_blocks(10, Settings(block=3))
    assert design.clusters.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3] and design.together
    lone = apart(np.array([2, 0, 1]), Settings())
    assert lone.clusters.tolist() == [4, 0, 2] and not lone.together
    with pytest.raises(UsageError, match="not possible"):
        by_blocks(4, Settings(block=0))


def test_nothing_to_permute_is_undefined_and_no_error() -> None:
    for n, n_draws in ((1, 200), (4, 0)):
        design = apart(np.arange(n), Settings(permutations=n_draws))
        result = permuted(np.eye(n), design)
        assert np.isnan(result.chance) and np.isnan(result.p) and not design.permutes


def test_film_is_rotated_within_segments_and_blocks_lie_in_segments() -> None:
    segment, onset_s = film([24, 30])
    design = by_film(segment, onset_s, Settings(permutations=2000))
    assert [len(each) for each in design.exchanges.segments] == [24, 30] and design.together
    assert design.exchanges.n_group == 720 and not len(design.exchanges.loose)
    assert design.said == "rotations within 2 segments; chance from clips 20 s or more apart"
    assert len(np.unique(design.clusters)) == 3 + 3
    # Too short for the least distance is no error, nor is a single segment that is.
    short = by_film(*film([12, 30]), Settings())
    assert short.exchanges.n_group == 360 and short.has_chance
    assert by_film(*film([12]), Settings()).exchanges.n_group == 12
    assert not by_film(*film([24, 30]), Settings(permutations=0)).permutes


def test_segments_of_one_clip_lie_apart_in_an_order_that_names_do_not_give() -> None:
    rank = np.random.default_rng(0).permutation(6)
    settings = Settings(permutations=500, seed=3)
    alone, other = by_film([f"f{i}" for i in range(6)], np.zeros(6), settings, rank), apart(rank, settings)
    assert np.array_equal(alone.exchanges.loose, other.exchanges.loose) and not alone.together
    assert alone.said == other.said == "permutations of single clips"
    mixed = by_film(*film([3, 1, 1]), settings, np.arange(5)[::-1])
    assert mixed.exchanges.loose.tolist() == [4, 3] and mixed.exchanges.n_group == 6
    assert "rotations within 1 segment and permutations of single clips (2)" in mixed.said


def test_room_is_for_the_orders_of_single_clips_and_for_matched_ones_that_are_drawn() -> None:
    scene = SimpleNamespace(n_clips=24, shape=(3, 8, 8))
    metrics = {null: SimpleNamespace(motion=False, null=null) for null in ("exchange", "matched")}
    settings = Settings(permutations=1000)
    alone, rotated = apart(np.arange(24), settings), by_film(*film([12, 12]), settings)
    mixed = by_film(*film([20, 1, 1, 1, 1]), settings)
    bare = scratch_bytes(scene, metrics, replace(rotated, settings=replace(settings, permutations=0)))
    orders = [(scratch_bytes(scene, metrics, each) - bare) / 4000 for each in (alone, rotated, mixed)]
    assert orders == [24 + 24, 0, 4]
    del metrics["matched"]
    assert scratch_bytes(scene, metrics, alone) == bare + 24 * 4000
