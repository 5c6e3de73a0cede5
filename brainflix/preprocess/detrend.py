"""Slow drift out of a run, and each grayordinate to zero mean and unit spread."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError


class Zscored(NamedTuple):
    """Standardised values of shape (n_volumes, n_grayordinates) and which columns were constant (set to 0)."""

    values: NDArray[Any]
    constant: NDArray[np.bool_]


def polynomial_detrend(x: NDArray[Any], degree: int = 4, *, column_tile: int = 512) -> NDArray[Any]:
    """Remove the least-squares polynomial of time from each column of one run.

    A projection on an orthonormal basis in float64, which equals `np.polyfit` per column (Wen et al. 2018 and its
    successors use degree 4 per run, after trimming). A column that the polynomial explains down to rounding comes
    out exactly 0, so that it is recognised as constant later.

    Args:
        x: array of shape (n_volumes, n_grayordinates), one run.
        degree: highest power of time; 0 removes the mean.
        column_tile: columns handled at a time; it bounds memory and does not change the result.

    Returns:
        Array of the shape of `x`, float64 for float64 input and float32 for anything else.

    Raises:
        UsageError: if the degree is negative or as large as the number of volumes.
        DataError: if `x` is not two-dimensional or not finite.
    """
    _check(x)
    n_volumes = x.shape[0]
    if not 0 <= degree < n_volumes:
        raise UsageError(f"cannot remove a polynomial of degree {degree} from {n_volumes} volumes")
    # Powers of time on [-1, 1] stay well conditioned; powers of the volume number would not.
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, n_volumes), degree))
    dtype = np.float64 if x.dtype == np.float64 else np.float32
    eps = float(np.finfo(dtype).eps)
    out = np.empty(x.shape, dtype)
    for start in range(0, x.shape[1], column_tile):
        tile = np.asarray(x[:, start : start + column_tile], np.float64)
        # Any constant may go first. With the first volume a flat column becomes exactly 0, with the mean it may not.
        centred = tile - tile[0]
        residual = centred - basis @ (basis.T @ centred)
        # What the stored numbers cannot resolve: their own last digit, and the rounding of the projection.
        unresolved = eps * (np.abs(tile).max(axis=0) + 8.0 * np.abs(centred).max(axis=0))
        residual[:, np.abs(residual).max(axis=0) <= unresolved] = 0.0
        out[:, start : start + column_tile] = residual
    return out


def zscore(x: NDArray[Any], ddof: int = 1, *, column_tile: int = 512) -> Zscored:
    """Give each column of one run zero mean and unit standard deviation; constant columns become 0 and are reported.

    Args:
        x: array of shape (n_volumes, n_grayordinates), one run.
        ddof: 1 as in Wen et al.'s MATLAB code, 0 as in Mind-Animator.
        column_tile: columns handled at a time; it bounds memory and does not change the result.

    Returns:
        Values (float64 for float64 input, else float32) and a mask of shape (n_grayordinates,).

    Raises:
        DataError: if `x` is not two-dimensional, not finite, or has too few volumes.
    """
    _check(x)
    if x.shape[0] <= ddof:
        raise DataError(f"a spread with ddof {ddof} needs more than {x.shape[0]} volumes")
    values = np.empty(x.shape, np.float64 if x.dtype == np.float64 else np.float32)
    constant = np.empty(x.shape[1], np.bool_)
    for start in range(0, x.shape[1], column_tile):
        part = slice(start, start + column_tile)
        tile = np.asarray(x[:, part], np.float64)
        centred = tile - tile[0]
        flat = ~centred.any(axis=0)
        centred -= centred.mean(axis=0)
        spread = np.sqrt((centred**2).sum(axis=0) / (x.shape[0] - ddof))
        flat |= spread == 0
        values[:, part] = np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
        constant[part] = flat
    return Zscored(values, constant)


def _check(x: NDArray[Any]) -> None:
    if x.ndim != 2 or x.shape[0] == 0:
        raise DataError(f"a run must be an array of shape (n_volumes, n_grayordinates), not {x.shape}")
    if not np.isfinite(x).all():
        n_bad = int((~np.isfinite(x)).any(axis=0).sum())
        raise DataError(f"{n_bad} of {x.shape[1]} grayordinates have values that are not finite")
