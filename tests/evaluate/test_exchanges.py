"""The group that p is made of: every member against brute force, its size, its smallest p, its cost in passes."""

from __future__ import annotations

import math
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from brainflix.evaluate.design import Settings, apart, by_blocks, by_film
from brainflix.evaluate.exchanges import Exchanged, Exchanges
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.permutations import Permuted
from brainflix.store.kept import KeptFiles
from tests.evaluate.worlds import design, film


def every_member(matrix: np.ndarray, segments: list[np.ndarray], loose: np.ndarray) -> np.ndarray:
    """Return the statistic of every member of the group, written down one by one."""
    found = []
    for shifts in product(*(range(len(each)) for each in segments)):
        for order in permutations(range(len(loose))):
            pairs = [
                (clip, members[(place + shift) % len(members)])
                for members, shift in zip(segments, shifts, strict=True)
                for place, clip in enumerate(members)
            ]
            pairs += [(clip, loose[other]) for clip, other in zip(loose, order, strict=True)]
            found.append(np.nanmean([matrix[pair] for pair in pairs]))
    return np.array(found)


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("with_holes", [False, True])
@pytest.mark.parametrize("sizes", [[5, 7], [9], [4, 1, 1, 1], [1, 1, 1, 1, 1], [3, 1]])
def test_p_is_the_share_of_all_members_that_are_as_good(
    sizes: list[int], with_holes: bool, higher_is_better: bool
) -> None:
    generator = np.random.default_rng(sum(sizes) + with_holes)
    n = sum(sizes)
    matrix = generator.random((n, n)) + (0.2 if higher_is_better else -0.2) * np.eye(n)
    if with_holes:
        matrix[1, 2] = matrix[0, 0] = np.nan
    segment, _ = film(sizes)
    members = [np.flatnonzero(np.array(segment) == name) for name in dict.fromkeys(segment)]
    null = every_member(matrix, [m for m in members if len(m) > 1], np.array([m[0] for m in members if len(m) == 1]))
    observed = np.nanmean(np.diagonal(matrix))
    expected = np.mean(null >= observed - 1e-12 if higher_is_better else null <= observed + 1e-12)
    found = permuted(matrix, design(sizes), higher_is_better=higher_is_better)
    assert found.p == pytest.approx(expected)
    assert (found.n_group, found.p_min) == (len(null), 1 / len(null))
    assert found.observed == pytest.approx(observed)


def test_the_unique_best_pairing_of_two_films_has_the_smallest_p_of_its_group() -> None:
    found = permuted(np.eye(120), design([60, 60]))
    assert (found.p, found.p_min, found.n_group) == (1 / 3600, 1 / 3600, 3600)


def test_nothing_to_choose_between_is_no_evidence_whatever_the_unit() -> None:
    for value in (0.1, 1e-20, 1e12):
        assert permuted(np.full((120, 120), value), design([60, 60])).p == 1.0
    small = 1e-18 * np.eye(120)
    assert permuted(small, design([60, 60])).p == 1 / 3600


def test_a_joint_roll_of_a_segment_changes_no_p() -> None:
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((100, 100)) + 0.3 * np.eye(100)
    before = permuted(matrix, design([60, 40])).p
    for shift in (1, 7, 31):
        order = np.concatenate([np.roll(np.arange(60), shift), 60 + np.arange(40)])
        assert permuted(matrix[np.ix_(order, order)], design([60, 40])).p == before
    assert 0 < before < 0.5


def test_p_depends_on_no_least_distance_and_chance_does() -> None:
    matrix = np.random.default_rng(1).standard_normal((60, 60)) + 0.2 * np.eye(60)
    near, far = (permuted(matrix, design([30, 30], min_shift_s=seconds)) for seconds in (2.0, 20.0))
    assert near.p == far.p and near.chance != far.chance


def test_larger_groups_are_drawn_with_replacement_and_the_observed_one_counts() -> None:
    drawn = permuted(np.eye(1200), design([240] * 5))
    assert (drawn.p, drawn.p_min, drawn.n_group) == (1 / 10_001, 1 / 10_001, 240**5)
    few = permuted(np.eye(120), design([60, 60], permutations=99))
    assert (few.p_min, few.n_group) == (1 / 100, 3600)
    # The draws are from the whole group: p over drawn members comes near p over all of them.
    matrix = np.random.default_rng(2).standard_normal((120, 120)) + 0.15 * np.eye(120)
    whole, some = (permuted(matrix, design([60, 60], permutations=most)).p for most in (10_000, 3000))
    assert some == pytest.approx(whole, abs=4 * np.sqrt(whole * (1 - whole) / 3000))
    assert some == permuted(matrix, design([60, 60], permutations=3000)).p, "draws are seeded"


def test_every_rotation_of_every_segment_is_met_and_no_pair_across_segments() -> None:
    for most in (2000, 3600):
        group = design([60, 60], permutations=most).exchanges
        met = group.pairs(120)
        assert met[:60, :60].all() and met[60:, 60:].all() and not met[:60, 60:].any() and not met[60:, :60].any()
    shifts = [group.shifts(number, np.random.default_rng(0)) for number in (0, 1)]
    assert all(set(each) == set(range(60)) for each in shifts)


def test_films_of_their_own_are_permuted_and_are_no_error() -> None:
    matrix = np.random.default_rng(3).standard_normal((102, 102)) + 0.5 * np.eye(102)
    found = permuted(matrix, design([1] * 102))
    assert found.p < 0.01 and found.p_min == 1 / 10_001 and found.n_group == 2**53 < math.factorial(102)
    # As clips of which nothing is known are: the same permutations.
    assert found.p == permuted(matrix, apart(np.arange(102), Settings())).p


def test_a_group_of_more_digits_than_python_prints_is_kept_and_comes_back(tmp_path: Path) -> None:
    matrix = np.random.default_rng(5).standard_normal((1600, 1600)) + np.eye(1600)
    found = permuted(matrix, apart(np.arange(1600), Settings(permutations=50)))
    assert (found.p, found.p_min, found.n_group) == (1 / 51, 1 / 51, 2**53)
    kept = Kept(KeptFiles(tmp_path))
    kept.put(found, "tested")
    assert kept.get("tested", of=(Permuted,)) == found


def test_clips_in_blocks_are_one_segment_of_all_rotations() -> None:
    matrix = np.random.default_rng(4).standard_normal((30, 30)) + 0.4 * np.eye(30)
    blocks = [permuted(matrix, by_blocks(30, Settings(block=block))) for block in (2, 10, 20)]
    rotated = [np.mean([matrix[i, (i + k) % 30] for i in range(30)]) for k in range(30)]
    assert {each.p for each in blocks} == {np.mean(np.array(rotated) >= rotated[0])}
    assert {each.n_group for each in blocks} == {30}
    assert blocks[0].chance == pytest.approx(np.mean(rotated[2:29]))
    assert blocks[1].chance == pytest.approx(np.mean(rotated[10:21]))
    assert np.isnan(blocks[2].chance), "no two clips lie 20 apart"


def test_one_way_of_pairing_has_no_p() -> None:
    found = permuted(np.ones((1, 1)), design([1]))
    assert np.isnan([found.p, found.p_min, found.chance]).all()


def test_rows_come_in_any_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(5).standard_normal((25, 25))
    group = by_film(*film([12, 10, 1, 1, 1]), Settings(permutations=700)).exchanges
    whole, parts = Exchanged(group), Exchanged(group)
    whole.add(np.arange(25), matrix)
    for rows in np.array_split(np.arange(25), 6):
        parts.add(rows, matrix[rows])
    assert whole.result() == parts.result()


def test_no_direction_gives_no_p() -> None:
    group = Exchanges((np.arange(8),), np.arange(0), 100)
    tested = Exchanged(group)
    tested.add(np.arange(8), np.random.default_rng(6).random((8, 8)))
    assert np.isnan(tested.result(higher_is_better=None).p) and tested.result().p > 0
