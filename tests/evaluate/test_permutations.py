"""Permutations: admissible shifts, the null's mean, p with signal, with ties and with undefined draws."""

from __future__ import annotations

import numpy as np
import pytest
from rankings import random_orders
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import permutations as rp


def test_circular_orders_rotate_each_group_by_an_admissible_shift() -> None:
    groups = np.array(["b", "a"] * 12)
    orders = rp.circular_orders(groups, min_shift=3, n_draws=500, seed=0)
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
    orders = rp.circular_orders(names, min_shift=10, n_draws=1681)
    assert orders.shape == (n_distinct, sum(groups))
    assert len(np.unique(orders, axis=0)) == n_distinct
    assert len(rp.circular_orders(names, min_shift=10, n_draws=n_distinct - 1)) == n_distinct - 1


def test_p_cannot_be_below_what_one_segment_of_sixty_clips_can_attain() -> None:
    matrix = np.random.default_rng(0).random((60, 60)) + 10 * np.eye(60)
    found = rp.permutation_test(matrix, rp.circular_orders(["m"] * 60, min_shift=10, n_draws=10_000))
    shifted = [np.mean([matrix[i, (i + shift) % 60] for i in range(60)]) for shift in range(10, 51)]
    assert found.p == 1 / 42
    assert found.n_draws == 41
    assert found.chance == pytest.approx(np.mean(shifted))


def test_circular_orders_follow_time_not_the_order_of_the_array() -> None:
    onset = np.array([6.0, 0.0, 4.0, 2.0])
    orders = rp.circular_orders(["m"] * 4, min_shift=1, n_draws=50, seed=0, onset_s=onset)
    steps = (onset[orders] - onset) % 8
    assert (steps == steps[:, :1]).all()


def test_short_groups_and_self_shifts_are_refused() -> None:
    with pytest.raises(DataError, match=r"group m of 5 clips .* evaluate\.min_shift_s"):
        rp.circular_orders(["m"] * 5, min_shift=3)
    with pytest.raises(UsageError, match="itself"):
        rp.circular_orders(["m"] * 5, min_shift=0)


def test_random_permutations_are_all_drawn_and_their_blocks_change_no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = random_orders(4, n_draws=3000)
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    kinds, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(kinds) == 24
    assert stats.chisquare(counts).pvalue > 0.001
    monkeypatch.setattr(rp, "BLOCK", 40)
    assert np.array_equal(random_orders(4, n_draws=3000), orders)


def test_null_is_the_mean_over_the_defined_pairs() -> None:
    matrix = np.random.default_rng(0).standard_normal((6, 6))
    matrix[:, 2] = np.nan
    orders = random_orders(6, n_draws=20, seed=1)
    expected = [np.nanmean(matrix[np.arange(6), order]) for order in orders]
    assert rp.null_means(matrix, orders) == pytest.approx(expected)


def test_signal_is_found_and_errors_count_downwards() -> None:
    generator = np.random.default_rng(0)
    truth = generator.standard_normal((80, 10))
    matrix = (truth + generator.standard_normal((80, 10))) @ truth.T
    orders = rp.circular_orders(["m"] * 40 + ["n"] * 40, min_shift=5, n_draws=999, seed=0)
    found = rp.permutation_test(matrix, orders)
    assert found.p == 1 / (1 + 31 * 31)
    assert found.observed == pytest.approx(np.trace(matrix) / 80)
    assert abs(found.chance) < 4 * found.null_sd
    assert rp.permutation_test(-matrix, orders, higher_is_better=False).p == found.p
    assert rp.permutation_test(-matrix, orders).p == 1.0


def test_p_counts_ties_and_ignores_undefined_draws() -> None:
    result = rp.from_null(0.3, np.array([0.1 + 0.2, 0.1, np.nan, 0.2, 0.9]))
    assert result.p == pytest.approx(3 / 5)
    assert result.n_draws == 4
    assert np.isnan(rp.from_null(np.nan, np.ones(3)).p)
