"""Orthogonal Procrustes: the rotation that brings one subject's responses closest to the template's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from brainflix.align.maps import LinearMap, check_pair
from brainflix.errors import DataError

Floats = NDArray[np.float64]


def fit_procrustes(source: NDArray[Any], template: NDArray[Any], *, anchor: float = 0.0) -> LinearMap:
    """Fit the R with orthonormal rows or columns that minimises |source R - template| after centring (Schonemann 1966).

    With fewer rows than columns and no anchor, R is the rotation on the span of the rows, and what lies outside maps to
    the template's mean. No matrix of grayordinates squared is formed there; the factors have the rank of the rows.

    Args:
        source: array of shape (n, n_source), training rows of one subject.
        template: array of shape (n, n_target), the same clips.
        anchor: pull towards the identity, for columns that already correspond by anatomy: R maximises
            tr(R^T (x^T y + anchor |x| |y| / n_columns I)). Few rows fix a rotation of many columns badly; with 3, and
            outside the span of the rows entirely, columns stay mostly themselves.

    Raises:
        DataError: if shapes do not match, values are not finite, or an anchor is set between different columns.
    """
    check_pair(source, template)
    if anchor < 0 or (anchor > 0 and source.shape[1] != template.shape[1]):
        raise DataError(f"an anchor of {anchor:g} needs equal columns: {source.shape[1]} and {template.shape[1]}")
    dtype = np.result_type(source.dtype, template.dtype, np.float32)
    x, y = np.asarray(source, np.float64), np.asarray(template, np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    weight = anchor * float(np.linalg.norm(x) * np.linalg.norm(y)) / x.shape[1]
    left, right, identity = _rotation(x, y, weight)
    return LinearMap(
        left.astype(dtype),
        None if right is None else right.astype(dtype),
        x_mean.astype(dtype),
        y_mean.astype(dtype),
        identity,
    )


def _rotation(x: Floats, y: Floats, weight: float) -> tuple[Floats, Floats | None, float]:
    """Return left, right and identity of the polar factor of x^T y + weight I."""
    columns = max(x.shape[1], y.shape[1])
    if columns <= len(x) or (weight > 0 and columns <= 2 * len(x)):
        product = x.T @ y
        if weight > 0:
            product += weight * np.eye(columns)
        return polar(product), None, 0.0
    (xs, x_space), (ys, y_space) = _row_space(x), _row_space(y)
    if weight == 0:
        u, _, vt = linalg.svd(xs.T @ ys, full_matrices=False)
        return x_space.T @ u, vt @ y_space, 0.0
    # Outside the span of both row spaces the matrix is a multiple of the identity, and so its polar factor is I.
    span, _ = np.linalg.qr(np.concatenate([x_space, y_space]).T)
    inside = (span.T @ x_space.T) @ (xs.T @ ys) @ (y_space @ span)
    eye = np.eye(len(inside))
    return span @ (polar(inside + weight * eye) - eye), span.T, 1.0


def polar(matrix: Floats) -> Floats:
    """Return the orthogonal factor of a matrix (m, n), the nearest (m, n) with orthonormal columns (or rows)."""
    u, _, vt = linalg.svd(matrix, full_matrices=False)
    return np.asarray(u @ vt, np.float64)


def _row_space(x: Floats) -> tuple[Floats, Floats]:
    """Return coordinates (n, r) and an orthonormal basis (r, n_columns) of the rows of x."""
    u, s, vt = linalg.svd(x, full_matrices=False)
    kept = s > max(x.shape) * np.finfo(np.float64).eps * s[0]
    return u[:, kept] * s[kept], vt[kept]
