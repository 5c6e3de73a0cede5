"""Permutations that are drawn, and p from a null that was gathered otherwise: ties and undefined draws."""

from __future__ import annotations

import numpy as np
import pytest
from rankings import by_orders, random_orders
from scipy import stats

from brainflix.evaluate import permutations as rp


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
    sums = rp.NullSums(20)
    sums.add(matrix, orders)
    assert sums.means() == pytest.approx(expected)


def test_errors_count_downwards() -> None:
    matrix = np.random.default_rng(2).random((9, 9)) + 0.3 * np.eye(9)
    orders = random_orders(9, n_draws=300)
    assert (
        by_orders(-matrix, orders, higher_is_better=False).p
        == by_orders(matrix, orders).p
        < by_orders(-matrix, orders).p
    )


def test_p_counts_ties_and_ignores_undefined_draws() -> None:
    result = rp.from_null(0.3, np.array([0.1 + 0.2, 0.1, np.nan, 0.2, 0.9]))
    assert result.p == pytest.approx(3 / 5)
    assert (result.p_min, result.n_group) == (1 / 5, 5)
    assert np.isnan(rp.from_null(np.nan, np.ones(3)).p)


def test_smallest_p_is_that_of_the_group_where_draws_repeat_it() -> None:
    result = rp.from_null(0.3, np.zeros(999), n_group=6)
    assert (result.p_min, result.n_group) == (1 / 6, 6)
