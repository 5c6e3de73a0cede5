"""Detrending against np.polyfit and scipy, z-scores against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from brainflix.errors import DataError, UsageError
from brainflix.preprocess.detrend import polynomial_detrend, zscore


def _bold(seed: int = 0, n_volumes: int = 240, n: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, n_volumes)[:, None]
    return 1e4 + 300 * time**3 * rng.normal(size=n) - 80 * time * rng.normal(size=n) + rng.normal(size=(n_volumes, n))


@pytest.mark.parametrize("degree", [0, 1, 4])
def test_equals_polyfit_per_column(degree: int) -> None:
    x = _bold()
    time = np.linspace(-1, 1, x.shape[0])
    expected = x - np.polynomial.polynomial.polyvander(time, degree) @ np.polynomial.polynomial.polyfit(time, x, degree)
    np.testing.assert_allclose(polynomial_detrend(x, degree), expected, atol=1e-9)


def test_degree_one_equals_scipys_linear_detrend() -> None:
    x = _bold(1)
    np.testing.assert_allclose(polynomial_detrend(x, 1), signal.detrend(x, axis=0), atol=1e-9)


def test_float32_input_on_a_large_mean_keeps_its_precision() -> None:
    x = _bold(2).astype(np.float32)
    out = polynomial_detrend(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, polynomial_detrend(x.astype(np.float64)), atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 4), st.integers(0, 2**31))
def test_projection_is_idempotent_and_blind_to_polynomials(degree: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3))
    time = np.linspace(-3, 5, 40)
    once = polynomial_detrend(x, degree)
    np.testing.assert_allclose(polynomial_detrend(once, degree), once, atol=1e-12)
    drift = np.polynomial.polynomial.polyvander(time, degree) @ rng.normal(size=(degree + 1, 3))
    np.testing.assert_allclose(polynomial_detrend(x + drift, degree), once, atol=1e-10)


def test_pure_polynomials_become_exactly_zero_and_are_then_constant() -> None:
    time = np.linspace(0, 1, 50)
    x = np.stack([np.full(50, 0.1), 1e4 + 300 * time**4, np.sin(30 * time)], axis=1)
    out = polynomial_detrend(x)
    assert (out[:, :2] == 0).all()
    np.testing.assert_array_equal(zscore(out).constant, [True, True, False])


@pytest.mark.parametrize("ddof", [0, 1])
def test_zscore_equals_scipy(ddof: int) -> None:
    x = _bold(3)
    np.testing.assert_allclose(zscore(x, ddof).values, stats.zscore(x, axis=0, ddof=ddof), atol=1e-9)


def test_ddof_changes_values_by_the_known_factor() -> None:
    x = _bold(4)
    np.testing.assert_allclose(zscore(x, 1).values, zscore(x, 0).values * np.sqrt(239 / 240), rtol=1e-12)


def test_constant_columns_are_zero_and_reported() -> None:
    x = _bold(5, n=4)
    x[:, 2] = 0.1
    values, constant = zscore(x)
    np.testing.assert_array_equal(constant, [False, False, True, False])
    assert (values[:, 2] == 0).all()
    assert np.isfinite(values).all()


def test_tile_size_changes_nothing() -> None:
    x = _bold(6).astype(np.float32)
    np.testing.assert_allclose(polynomial_detrend(x, column_tile=7), polynomial_detrend(x), atol=1e-6)
    np.testing.assert_array_equal(zscore(x, column_tile=7).values, zscore(x).values)


def test_unusable_runs_are_refused() -> None:
    x = _bold(7)
    with pytest.raises(UsageError, match="degree 240"):
        polynomial_detrend(x, 240)
    with pytest.raises(DataError, match="shape"):
        polynomial_detrend(x[:, 0])
    x[3, 5] = np.nan
    with pytest.raises(DataError, match="1 of 30 grayordinates"):
        polynomial_detrend(x)
    with pytest.raises(DataError, match="not finite"):
        zscore(x)
    with pytest.raises(DataError, match="ddof 1"):
        zscore(x[:1])
