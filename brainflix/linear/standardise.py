"""Zero mean and unit spread per column, with statistics of the fitting rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Statistics of the fitting rows; constant columns keep a spread of 1, so that they become 0.

    Attributes:
        mean: array of shape (n_columns,).
        std: population standard deviation, array of shape (n_columns,), all positive.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, x: NDArray[Any]) -> Standardiser:
        """Take the statistics of x, array of shape (n_rows, n_columns).

        Raises:
            DataError: if x is empty, not two-dimensional or not finite.
        """
        if x.ndim != 2 or len(x) == 0:
            raise DataError(f"rows to standardise must have shape (n_rows, n_columns), not {x.shape}")
        # Shifted by the first row, so that a constant column has exactly no spread.
        first = np.asarray(x[0], np.float64)
        mean = first + (x - first).mean(axis=0)
        std = (x - first).std(axis=0)
        if not np.isfinite(std).all():
            raise DataError("rows to standardise have values that are not finite")
        return cls(mean, np.where(std > 0, std, 1.0))

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return (x - mean) / std of x (n_rows, n_columns), in the precision of x (at least float32)."""
        return self._as(x, (self._checked(x) - self.mean) / self.std)

    def inverse(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return x std + mean of x (n_rows, n_columns), in the precision of x (at least float32)."""
        return self._as(x, self._checked(x) * self.std + self.mean)

    def _checked(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.ndim != 2 or x.shape[1] != self.mean.size:
            raise DataError(f"rows must have shape (n_rows, {self.mean.size}), not {x.shape}")
        return x

    @staticmethod
    def _as(like: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(values, np.float64 if like.dtype == np.float64 else np.float32)


def rescale_to_train_std(prediction: NDArray[Any], train_std: NDArray[Any]) -> NDArray[Any]:
    """Stretch each column of predictions around its mean to the spread of the training targets.

    Regularised regressors predict too small a spread, which generators render as grey. Correlations do not change;
    squared errors get worse. The result of a clip depends on the other clips predicted with it.

    Args:
        prediction: array of shape (n_clips, n_dims).
        train_std: array of shape (n_dims,).

    Returns:
        Array of the shape of `prediction`; constant columns are left alone.

    Raises:
        DataError: if the numbers of columns differ.
    """
    if prediction.ndim != 2 or prediction.shape[1] != np.size(train_std):
        raise DataError(f"predictions of shape {prediction.shape} do not fit {np.size(train_std)} spreads")
    own = Standardiser.fit(prediction)
    flat = ~(prediction != prediction[:1]).any(axis=0)
    out = own.mean + (prediction - own.mean) * np.where(flat, 1.0, train_std / own.std)
    return np.asarray(out, np.float64 if prediction.dtype == np.float64 else np.float32)
