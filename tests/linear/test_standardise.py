"""Standardising against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from brainflix.errors import DataError
from brainflix.linear.standardise import Standardiser, rescale_to_train_std


def _rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6)) * np.arange(1, 7) + 100
    x[:, 2] = 0.1
    return x[:30], x[30:]


def test_equals_sklearn_with_statistics_of_the_fitting_rows() -> None:
    train, test = _rows()
    ours, theirs = Standardiser.fit(train), StandardScaler().fit(train)
    np.testing.assert_allclose(ours.transform(test), theirs.transform(test), atol=1e-12)
    np.testing.assert_allclose(ours.inverse(ours.transform(test)), test, atol=1e-12)
    np.testing.assert_array_equal(ours.transform(train)[:, 2], 0.0)
    assert ours.std[2] == 1


def test_float32_in_float32_out_on_a_large_mean() -> None:
    train, test = _rows()
    scale = Standardiser.fit((train + 1e4).astype(np.float32))
    out = scale.transform((test + 1e4).astype(np.float32))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out[:, 3:], Standardiser.fit(train).transform(test)[:, 3:], atol=2e-3)


def test_rescaling_sets_the_spread_and_keeps_mean_and_correlation() -> None:
    train, test = _rows()
    prediction = 0.1 * test + 3
    out = rescale_to_train_std(prediction, train.std(axis=0))
    varying = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(out.std(axis=0)[varying], train.std(axis=0)[varying])
    np.testing.assert_allclose(out.mean(axis=0), prediction.mean(axis=0))
    np.testing.assert_array_equal(out[:, 2], prediction[:, 2])
    for v in varying:
        assert np.corrcoef(out[:, v], prediction[:, v])[0, 1] == pytest.approx(1)


def test_unusable_rows_are_refused() -> None:
    train, test = _rows()
    with pytest.raises(DataError, match="shape"):
        Standardiser.fit(train).transform(test[:, 1:])
    with pytest.raises(DataError, match="spreads"):
        rescale_to_train_std(test, np.ones(3))
    with pytest.raises(DataError, match="shape"):
        Standardiser.fit(train[:0])
    train[0, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        Standardiser.fit(train)
