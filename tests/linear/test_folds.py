"""Folds of whole groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainflix.errors import DataError, UsageError
from brainflix.linear.folds import contiguous_folds


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), st.data())
def test_folds_are_stretches_of_whole_groups_and_none_is_empty(sizes: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(2, len(sizes)))
    groups = np.repeat(np.arange(len(sizes))[::-1], sizes)
    folds = contiguous_folds(groups, k)
    assert set(folds) == set(range(k))
    assert (np.diff(folds) >= 0).all()
    for group in set(groups):
        assert len(set(folds[groups == group])) == 1


def test_equal_groups_give_equal_folds_and_k_groups_give_one_each() -> None:
    groups = np.repeat([f"seg{i}" for i in range(18)], 240)
    assert set(np.bincount(contiguous_folds(groups, 6))) == {720}
    np.testing.assert_array_equal(contiguous_folds(groups, 18), np.repeat(np.arange(18), 240))
    assert np.bincount(contiguous_folds(groups, 5)).max() <= 4 * 240


def test_repeats_far_apart_stay_together() -> None:
    groups = np.tile(np.arange(10), 3)
    folds = contiguous_folds(groups, 5)
    np.testing.assert_array_equal(folds, np.tile(np.repeat(np.arange(5), 2), 3))


def test_impossible_splits_are_refused() -> None:
    for k in (1, 4):
        with pytest.raises(UsageError, match=f"{k} folds of 3 groups"):
            contiguous_folds(np.array([0, 0, 1, 2]), k)
    with pytest.raises(DataError, match="shape"):
        contiguous_folds(np.zeros((2, 2)), 2)
