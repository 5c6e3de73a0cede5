"""Set distances against matrix square roots, closed forms and double loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import fvd


def _sets(n: int, m: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mix = generator.standard_normal((d, d))
    return generator.standard_normal((n, d)) @ mix, generator.standard_normal((m, d)) + 0.5


def _by_loops(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    n, m = len(x), len(y)
    xx = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


@pytest.mark.parametrize(("n", "m"), [(60, 40), (200, 200)])
def test_frechet_distance_equals_scipys_matrix_square_root(n: int, m: int) -> None:
    x, y = _sets(n, m, 8)
    s, t = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    found = fvd.frechet_distance(x, y)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert (found.n_truth, found.n_prediction, found.singular) == (n, m, False)


def test_frechet_distance_is_the_closed_form_for_two_gaussians() -> None:
    # Axis-aligned gaussians: sum over dims of (m1 - m2)^2 + (sd1 - sd2)^2, met exactly by whitened samples.
    generator = np.random.default_rng(1)
    sets, means, sds = [], generator.standard_normal((2, 5)), generator.uniform(0.5, 3, (2, 5))
    for mean, sd in zip(means, sds, strict=True):
        raw = generator.standard_normal((50, 5))
        raw -= raw.mean(axis=0)
        white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
        sets.append(white * sd + mean)
    expected = np.square(means[0] - means[1]).sum() + np.square(sds[0] - sds[1]).sum()
    assert fvd.frechet_distance(*sets).value == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_bears_singular_covariances_and_says_so() -> None:
    x, y = _sets(12, 10, 30)
    found = fvd.frechet_distance(x, y)
    s, t = np.cov(x.T), np.cov(y.T)
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ t @ root), 0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * overlap
    assert found.singular
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert fvd.frechet_distance(x, x).value == pytest.approx(0, abs=1e-9)
    assert fvd.frechet_distance(*_sets(31, 30, 30)).singular
    assert not fvd.frechet_distance(*_sets(31, 31, 30)).singular


def test_kernel_distance_equals_the_double_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _sets(14, 11, 6)
    assert fvd.kernel_distance(x, y, n_blocks=2).value == pytest.approx(_by_loops(x, y), rel=1e-10)
    monkeypatch.setattr(fvd, "BLOCK_ROWS", 4)
    assert fvd.kernel_distance(x, y, n_blocks=2).value == pytest.approx(_by_loops(x, y), rel=1e-10)


def test_kernel_distance_is_unbiased_and_blocks_scatter_around_it() -> None:
    values = []
    for seed in range(300):
        same = np.random.default_rng(seed).standard_normal((2, 12, 4))
        values.append(fvd.kernel_distance(*same, n_blocks=2).value)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    x, y = _sets(40, 30, 4)
    found = fvd.kernel_distance(x, y, n_blocks=400, block_size=10)
    assert abs(found.block_mean - found.value) < 4 * found.block_sd / 20
    assert found.value > 0
    assert found == fvd.kernel_distance(x, y, n_blocks=400, block_size=10)
    assert found.block_mean != fvd.kernel_distance(x, y, n_blocks=400, block_size=10, seed=1).block_mean


def test_default_block_is_half_of_the_smaller_set() -> None:
    assert fvd.kernel_distance(*_sets(40, 30, 4), n_blocks=2).block_size == 15


def test_refuses_sets_without_spread() -> None:
    x, y = _sets(5, 5, 3)
    for distance in (fvd.frechet_distance, fvd.kernel_distance):
        with pytest.raises(DataError, match="two clips"):
            distance(x, y[:1])
        with pytest.raises(DataError, match="n_dims"):
            distance(x, y[:, :2])
        with pytest.raises(DataError, match="finite"):
            distance(x, np.where(y == y[0, 0], np.nan, y))
    with pytest.raises(UsageError, match="spread"):
        fvd.kernel_distance(x, y, block_size=6)
