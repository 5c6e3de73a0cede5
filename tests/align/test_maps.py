"""Planted rotations and mixtures are recovered; solvers agree with scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg
from scipy.stats import ortho_group
from sklearn.linear_model import Ridge

from brainflix.align.procrustes import fit_procrustes
from brainflix.align.ridge_map import fit_ridge_map
from brainflix.errors import DataError


def _rotated(n: int, v: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(n, v)) * np.linspace(0.5, 2, v) + 3
    rotation = np.asarray(ortho_group.rvs(v, random_state=1))
    return source, 2.5 * (source - 3) @ rotation + 7 + noise * rng.normal(size=(n, v)), rotation


def test_a_planted_rotation_is_recovered() -> None:
    source, template, rotation = _rotated(200, 12)
    fit = fit_procrustes(source, template)
    np.testing.assert_allclose(fit.matrix, rotation, atol=1e-10)
    new = np.random.default_rng(2).normal(size=(5, 12))
    expected = (new - source.mean(axis=0)) @ rotation + template.mean(axis=0)
    np.testing.assert_allclose(fit.apply(new), expected, atol=1e-9)
    np.testing.assert_allclose(new @ fit.matrix + fit.intercept, fit.apply(new), atol=1e-9)


def test_procrustes_equals_scipy_with_noise() -> None:
    source, template, _ = _rotated(100, 12, noise=2.0)
    x, y = source - source.mean(axis=0), template - template.mean(axis=0)
    expected, _ = linalg.orthogonal_procrustes(x, y)
    np.testing.assert_allclose(fit_procrustes(source, template).matrix, expected, atol=1e-10)


def test_fewer_rows_than_columns_give_the_rotation_on_their_span() -> None:
    source, template, _ = _rotated(15, 40, noise=1.0)
    fit = fit_procrustes(source, template)
    x, y = source - source.mean(axis=0), template - template.mean(axis=0)
    full, _ = linalg.orthogonal_procrustes(x, y)
    assert fit.left.shape == (40, 14)
    # Both reach the same minimum; they differ only where the rows say nothing.
    assert np.sum((x @ fit.matrix - y) ** 2) == pytest.approx(np.sum((x @ full - y) ** 2), rel=1e-10)
    np.testing.assert_allclose(np.linalg.svd(fit.matrix, compute_uv=False)[:14], 1.0, atol=1e-10)
    np.testing.assert_allclose(np.sum(fit.apply(source) ** 2 - template.mean(axis=0) ** 2), np.sum(x**2), rtol=1e-8)


@pytest.mark.parametrize("n", [5, 8, 15, 60])
@pytest.mark.parametrize("anchor", [0.5, 20.0])
def test_an_anchor_equals_the_polar_factor_of_the_padded_product_at_any_number_of_rows(n: int, anchor: float) -> None:
    source, template, _ = _rotated(n, 25, noise=1.0)
    x, y = source - source.mean(axis=0), template - template.mean(axis=0)
    product = x.T @ y + anchor * np.linalg.norm(x) * np.linalg.norm(y) / 25 * np.eye(25)
    expected, _ = linalg.polar(product)
    fit = fit_procrustes(source, template, anchor=anchor)
    np.testing.assert_allclose(fit.matrix, expected, atol=1e-9)
    np.testing.assert_allclose(fit.apply(source), x @ expected + template.mean(axis=0), atol=1e-9)


def test_a_strong_anchor_is_the_identity_and_none_needs_equal_columns() -> None:
    source, template, _ = _rotated(15, 40)
    np.testing.assert_allclose(fit_procrustes(source, template, anchor=1e9).matrix, np.eye(40), atol=1e-6)
    with pytest.raises(DataError, match="equal columns"):
        fit_procrustes(source, template[:, :5], anchor=1.0)


def test_subjects_with_different_numbers_of_columns() -> None:
    source, template, _ = _rotated(100, 12)
    for columns in (5, 12):
        fit = fit_procrustes(source, template[:, :columns])
        np.testing.assert_allclose(fit.matrix.T @ fit.matrix, np.eye(columns), atol=1e-10)
    assert fit_procrustes(source[:, :4], template[:20, :9].repeat(5, axis=0)).matrix.shape == (4, 9)


@pytest.mark.parametrize(("n", "v"), [(120, 20), (60, 150)])
def test_ridge_map_equals_sklearn_at_the_chosen_penalty(n: int, v: int) -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(n, v)) + 4
    template = source @ rng.normal(size=(v, 6)) + rng.normal(size=(n, 6)) - 2
    folds = np.arange(n) * 5 // n
    fit = fit_ridge_map(source, template, folds, alphas=(0.05,))
    alpha = 0.05 * source.var(axis=0).sum()
    expected = Ridge(alpha=alpha).fit(source, template)
    np.testing.assert_allclose(fit.matrix, expected.coef_.T, atol=1e-9)
    np.testing.assert_allclose(fit.apply(source[:3] + 1), expected.predict(source[:3] + 1), atol=1e-9)


def test_ridge_map_recovers_a_planted_mixture_and_ignores_the_scale_of_the_data() -> None:
    rng = np.random.default_rng(0)
    source, mixture = rng.normal(size=(400, 10)), rng.normal(size=(10, 8))
    template = source @ mixture + 0.1 * rng.normal(size=(400, 8))
    folds = np.arange(400) // 80
    fit = fit_ridge_map(source, template, folds)
    np.testing.assert_allclose(fit.matrix, mixture, atol=0.03)
    np.testing.assert_allclose(fit_ridge_map(1e3 * source, template, folds).matrix * 1e3, fit.matrix, atol=1e-9)


def test_float32_stays_float32() -> None:
    source, template, rotation = _rotated(200, 12)
    fit = fit_procrustes(source.astype(np.float32), template.astype(np.float32))
    assert fit.apply(source[:3].astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(fit.matrix, rotation, atol=1e-5)


def test_unusable_input_is_refused() -> None:
    source, template, _ = _rotated(20, 6)
    with pytest.raises(DataError, match="same rows"):
        fit_procrustes(source[1:], template)
    with pytest.raises(DataError, match="rows to align"):
        fit_procrustes(source, template).apply(source[:, 1:])
    source[0, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        fit_ridge_map(source, template, np.arange(20) % 2)
