"""The linear map from one subject's grayordinates to a template's columns, kept in factors where it is of low rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


@dataclass(frozen=True, eq=False)
class LinearMap:
    """x -> (x - source_mean) (left right + identity I) + target_mean.

    Attributes:
        left: array of shape (n_source, r).
        right: array of shape (r, n_target), or None for a map of full rank, where `left` is the matrix.
        source_mean: array of shape (n_source,).
        target_mean: array of shape (n_target,).
        identity: weight of the identity beside the factors; not 0 only between spaces of equal columns.
    """

    left: NDArray[Any]
    right: NDArray[Any] | None
    source_mean: NDArray[Any]
    target_mean: NDArray[Any]
    identity: float = 0.0

    @property
    def matrix(self) -> NDArray[Any]:
        """Return the matrix of shape (n_source, n_target); large for whole brains, and `apply` does not need it."""
        matrix = self.left if self.right is None else self.left @ self.right
        return np.asarray(matrix + self.identity * np.eye(len(matrix), dtype=matrix.dtype) if self.identity else matrix)

    @property
    def intercept(self) -> NDArray[Any]:
        """Return what the origin maps to, array of shape (n_target,)."""
        return np.asarray(self.apply(np.zeros((1, self.source_mean.size), self.left.dtype))[0])

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Map rows of shape (n, n_source) to rows of shape (n, n_target).

        Raises:
            DataError: if x has other columns than the subject that the map was fitted on.
        """
        if x.ndim != 2 or x.shape[1] != self.source_mean.size:
            raise DataError(f"rows to align must have shape (n, {self.source_mean.size}), not {x.shape}")
        centred = x - self.source_mean
        out = centred @ self.left
        out = out if self.right is None else out @ self.right
        return np.asarray(out + self.identity * centred + self.target_mean if self.identity else out + self.target_mean)


def check_pair(source: NDArray[Any], template: NDArray[Any]) -> None:
    """Refuse arrays that are not (n, n_source) and (n, n_target) with the same rows, all finite.

    Raises:
        DataError: if they are not.
    """
    if source.ndim != 2 or template.ndim != 2 or len(source) != len(template) or len(source) < 2:
        raise DataError(f"source and template need the same rows, two or more: {source.shape}, {template.shape}")
    if not (np.isfinite(source).all() and np.isfinite(template).all()):
        raise DataError("responses to align have values that are not finite")
