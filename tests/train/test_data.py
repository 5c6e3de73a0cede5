"""Preparation of rows, order, noise and shares of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brainflix.errors import DataError
from brainflix.train.data import (
    RowSource,
    drop_vertices,
    epoch_order,
    fit_preparation,
    midpoint_augment,
    step_noise,
)
from brainflix.trained.retrieval import row_correlation


def some_rows(n: int = 30, columns: int = 37, seed: int = 0) -> np.ndarray:
    return (3 + 2 * np.random.default_rng(seed).standard_normal((n, columns))).astype(np.float32)


@pytest.mark.parametrize("legacy", [False, True])
def test_padded_train_rows_get_mean_zero_and_population_std_one(legacy: bool) -> None:
    rows = some_rows()
    scaled = fit_preparation(rows, 16, legacy).apply(rows)
    assert scaled.shape == (30, 48) and scaled.dtype == np.float32
    assert scaled.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert scaled.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(scaled[:, 37:], scaled[:, :11])


def test_test_rows_are_scaled_by_train_rows_which_stay_untouched() -> None:
    rows, other = some_rows(columns=32), some_rows(columns=32, seed=1) + 5
    before = rows.copy()
    preparation = fit_preparation(rows, 16)
    expected = (other - rows.mean(dtype=np.float64)) / rows.std(dtype=np.float64)
    assert np.allclose(preparation.apply(other), expected, atol=1e-5)
    preparation.apply(rows)
    assert np.array_equal(rows, before)


def test_unusable_rows_are_refused() -> None:
    rows = some_rows()
    preparation = fit_preparation(rows, 16)
    with pytest.raises(DataError, match="36 grayordinates"):
        preparation.apply(rows[:, :36])
    with pytest.raises(DataError, match="NaN"):
        preparation.apply(np.full_like(rows, np.nan))
    with pytest.raises(DataError, match="one value"):
        fit_preparation(np.ones((3, 16), dtype=np.float32), 16)
    with pytest.raises(DataError, match="matrix"):
        fit_preparation(rows[0], 16)


def test_midpoints() -> None:
    rows = some_rows(5, 4)
    out = midpoint_augment(rows, 2, np.random.default_rng(0))
    assert np.array_equal(out[:5], rows) and len(out) == 10
    pairs = (rows[:, None] + rows[None]) / 2
    assert all((np.abs(pairs - row).max(axis=2) < 1e-6).any() for row in out[5:])
    assert midpoint_augment(rows, 1, np.random.default_rng(0)) is rows


def test_order_and_noise_depend_on_seed_epoch_step_and_name_alone() -> None:
    assert sorted(epoch_order(50, 1, 2)) == list(range(50))
    assert not np.array_equal(epoch_order(50, 1, 2), epoch_order(50, 1, 3))
    assert not np.array_equal(epoch_order(50, 1, 2), epoch_order(50, 2, 2))
    first = step_noise(1, 2, 3, "a", (4, 5))
    assert np.array_equal(first, step_noise(1, 2, 3, "a", (4, 5)))
    others = [step_noise(0, 2, 3, "a", (4, 5)), step_noise(1, 0, 3, "a", (4, 5)), step_noise(1, 2, 0, "a", (4, 5))]
    assert not any(np.array_equal(first, other) for other in [*others, step_noise(1, 2, 3, "b", (4, 5))])
    assert first.min() >= 0 and first.max() < 1


@given(st.integers(1, 23), st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_processes_share_out_what_one_process_would_see(n_rows: int, batch_size: int, n_processes: int) -> None:
    source = RowSource({"row": torch.arange(n_rows)}, seed=3, noise={"noise": 4})
    visited = []
    for step in range(source.n_steps(batch_size)):
        whole, share = source.batch(batch_size, 1, step)
        assert share == 1
        visited += whole["row"].tolist()
        pairs = {row: noise for row, noise in zip(whole["row"].tolist(), whole["noise"].tolist(), strict=True)}
        seen, total = [], 0.0
        for process in range(n_processes):
            part, share = source.batch(batch_size, 1, step, process, n_processes)
            total += share
            assert share == pytest.approx(len(part["row"]) / len(whole["row"])) or share == 0
            if share:
                seen += part["row"].tolist()
                assert all(pairs[r] == n for r, n in zip(part["row"].tolist(), part["noise"].tolist(), strict=True))
        assert sorted(seen) == sorted(whole["row"].tolist())
        assert total == pytest.approx(1)
    assert sorted(visited) == list(range(n_rows))


def test_sources_need_one_length() -> None:
    with pytest.raises(DataError):
        RowSource({"a": torch.zeros(3), "b": torch.zeros(4)}, 0)
    with pytest.raises(DataError):
        RowSource({"a": torch.zeros(0)}, 0)


def test_vertex_dropout_zeroes_that_share_of_the_columns_per_row() -> None:
    rows = torch.ones(200, 300)
    noise = torch.rand(200, 300, generator=torch.Generator().manual_seed(0))
    out = drop_vertices(rows, noise, 0.2)
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert (out == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert not out[0].equal(out[1])
    assert drop_vertices(rows, None, 0.2) is rows


def test_row_correlation_is_pearson() -> None:
    a, b = some_rows(6, 9), some_rows(6, 9, seed=4)
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    assert np.allclose(row_correlation(torch.from_numpy(a), torch.from_numpy(b)), expected, atol=1e-5)
    assert row_correlation(torch.ones(1, 4), torch.from_numpy(a[:1, :4])).item() == 0
