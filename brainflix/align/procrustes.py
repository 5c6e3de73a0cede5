"""Orthogonal Procrustes: the rotation that brings one subject's responses closest to the template's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from brainflix.align.maps import LinearMap, check_pair

Floats = NDArray[np.float64]


def fit_procrustes(source: NDArray[Any], template: NDArray[Any], *, scaling: bool = False) -> LinearMap:
    """Fit the R with orthonormal rows or columns that minimises |source R - template| after centring (Schonemann 1966).

    With fewer rows than columns R is determined on the span of the rows alone; there it is the rotation, and what lies
    outside that span maps to the template's mean. The factors are then of the rank of the rows: no matrix of
    grayordinates squared is formed.

    Args:
        source: array of shape (n, n_source), training rows of one subject.
        template: array of shape (n, n_target), the same clips.
        scaling: also fit one factor for the whole map.

    Raises:
        DataError: if shapes do not match or values are not finite.
    """
    check_pair(source, template)
    dtype = np.result_type(source.dtype, template.dtype, np.float32)
    x, y = np.asarray(source, np.float64), np.asarray(template, np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    right: Floats | None = None
    if max(x.shape[1], y.shape[1]) <= x.shape[0]:
        u, s, vt = linalg.svd(x.T @ y, full_matrices=False)
        left = u @ vt
    else:
        left, right, s = _in_factors(x, y)
    if scaling:
        size = float((x**2).sum())
        left = left * (s.sum() / size if size > 0 else 1.0)
    return LinearMap(
        left.astype(dtype), None if right is None else right.astype(dtype), x_mean.astype(dtype), y_mean.astype(dtype)
    )


def _in_factors(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Polar factor of x^T y from the small product of the row spaces: V_x (U V^T) V_y^T."""
    xs, x_space = _row_space(x)
    ys, y_space = _row_space(y)
    u, s, vt = linalg.svd(xs.T @ ys, full_matrices=False)
    return x_space.T @ u, vt @ y_space, s


def _row_space(x: Floats) -> tuple[Floats, Floats]:
    """Return coordinates (n, r) and an orthonormal basis (r, n_columns) of the rows of x."""
    u, s, vt = linalg.svd(x, full_matrices=False)
    kept = s > max(x.shape) * np.finfo(np.float64).eps * s[0] if s.size else np.zeros(0, np.bool_)
    return u[:, kept] * s[kept], vt[kept]
