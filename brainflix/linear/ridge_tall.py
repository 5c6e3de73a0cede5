"""Held-out residuals of folds with more rows than columns: one small system for each fold, not one of its rows.

The rows that a fold leaves have the Gram matrix of all rows less the fold's own, and a mean of their own. In the
coordinates of the singular vectors the Gram matrix of all rows is diagonal, so that X itself is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brainflix.linear.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class TallFold:
    """One fold, in the coordinates of the singular vectors, float64.

    Attributes:
        rows: its place in the sorted rows.
        z: its rows, centred on the mean of all rows, tensor of shape (size, r).
        gram: Gram matrix of the rows that it leaves, centred on their own mean, tensor of shape (r, r).
        mean: that mean, seen from the mean of all rows, tensor of shape (r,).
        n_left: how many rows it leaves.
        roots: singular values, tensor of shape (r,).
    """

    rows: slice
    z: Tensor
    gram: Tensor
    mean: Tensor
    n_left: int
    roots: Tensor

    @classmethod
    def of(cls, spectrum: Spectrum, rows: slice) -> TallFold:
        """Take a fold out of all rows."""
        roots = spectrum.values.sqrt()
        z = spectrum.left[rows].double() * roots
        n_left = len(spectrum.left) - len(z)
        # Rows that are centred sum to nothing: the mean of those that stay is that of the fold, turned round.
        mean = -z.sum(dim=0) / n_left
        gram = torch.diag(spectrum.values) - z.T @ z - n_left * torch.outer(mean, mean)
        return cls(rows, z, gram, mean, n_left, roots)

    def held_out(self, y: Tensor, projected: Tensor, alphas: Tensor) -> Tensor:
        """Return y minus what the fit that never saw the fold predicts, tensor of shape (n_alphas, size, n_tile).

        Args:
            y: centred targets of all rows, tensor of shape (n, n_tile), rows sorted.
            projected: left^T y, tensor of shape (r, n_tile).
            alphas: penalties, tensor of shape (n_alphas,), float64.
        """
        own = y[self.rows].double()
        level = -own.sum(dim=0) / self.n_left
        crossed = self.roots[:, None] * projected.double() - self.z.T @ own
        crossed -= self.n_left * torch.outer(self.mean, level)
        seen = self.z - self.mean
        out = y.new_empty(len(alphas), *own.shape)
        for place, alpha in enumerate(alphas):
            out[place] = (own - level - seen @ _solve(self.gram, alpha, crossed)).to(y.dtype)
        return out


def _solve(gram: Tensor, alpha: Tensor, right: Tensor) -> Tensor:
    """Return (gram + alpha)^-1 right, tensor of shape (r, n_tile)."""
    system = gram.clone()
    system.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(system)
    # Where it fails, directions are left that only the fold has, at a penalty below rounding.
    solved: Tensor = (
        torch.linalg.pinv(system, hermitian=True) @ right if bool(failed) else torch.cholesky_solve(right, factor)
    )
    return solved
