"""Exact k-fold scores of ridge regression for every penalty, from one decomposition of all rows.

With residuals e = (I - H) y of the fit to all rows, the residuals of fold f under the fit that never saw it are
(I - H_ff)^-1 e_f: the identity behind leave-one-out, for blocks, and with an unpenalised intercept in H. Folds with
more rows than there are columns are left to `ridge_tall`, which inverts nothing of their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainflix.errors import UsageError
from brainflix.linear.ridge_tall import TallFold
from brainflix.linear.spectrum import Spectrum

Score = Literal["r2", "pearson", "r2_pooled"]
SCORES: tuple[Score, ...] = ("r2", "pearson", "r2_pooled")


@dataclass(frozen=True, eq=False)
class _SameSize:
    """All folds of one size, side by side in the sorted rows.

    Attributes:
        rows: their rows.
        n_folds: how many there are.
        inverse: (I - H_ff)^-1 per penalty and fold, tensor of shape (n_alphas, n_folds, size, size).
    """

    rows: slice
    n_folds: int
    inverse: Tensor

    def split(self, x: Tensor) -> Tensor:
        """Return these folds' rows of x, of shape (n_folds, size, n_tile)."""
        return x[self.rows].reshape(self.n_folds, self.inverse.shape[2], x.shape[1])


class FoldScorer:
    """Scores of every penalty for tiles of targets."""

    def __init__(self, spectrum: Spectrum, alphas: Tensor, sizes: NDArray[np.int64], score: Score) -> None:
        """Invert the blocks of all folds and penalties.

        Args:
            spectrum: decomposition of X with rows in the order of `fold_order`.
            alphas: penalties, tensor of shape (n_alphas,), float64.
            sizes: rows in each fold, in that order.
            score: "r2" and "pearson" are means over folds; "r2_pooled" pools held-out residuals of all folds, the
                one that is defined for folds of one row.
        """
        self.left, self.spans_rows, self.score = spectrum.left, spectrum.spans_rows, score
        dtype = self.left.dtype
        # 1 - w/(w + alpha), written without the difference that would lose every digit when alpha is small.
        self.shrink = (alphas[:, None] / (spectrum.values + alphas[:, None])).to(dtype)
        self.alphas = alphas
        self.folds: list[_SameSize] = []
        self.tall: list[TallFold] = []
        start = 0
        for size, n_folds in zip(*np.unique(sizes, return_counts=True), strict=True):
            rows = slice(start, start + int(size * n_folds))
            start = rows.stop
            if not spectrum.dual and size > spectrum.values.numel():
                firsts = range(rows.start, rows.stop, int(size))
                self.tall += [TallFold.of(spectrum, slice(first, first + int(size))) for first in firsts]
            else:
                self.folds.append(_SameSize(rows, int(n_folds), self._inverses(rows, int(n_folds))))

    def _inverses(self, rows: slice, n_folds: int) -> Tensor:
        size = (rows.stop - rows.start) // n_folds
        left = self.left[rows].reshape(n_folds, size, self.left.shape[1])
        outside = 0.0 if self.spans_rows else self._outside(left)
        out = left.new_empty(len(self.shrink), n_folds, size, size)
        for alpha, shrink in enumerate(self.shrink):
            out[alpha] = _invert((left * shrink) @ left.mT + outside)
        return out

    def _outside(self, left: Tensor) -> Tensor:
        """Blocks of the projection on what neither X nor the intercept reaches."""
        eye = torch.eye(left.shape[1], dtype=left.dtype, device=left.device)
        outside: Tensor = eye - 1.0 / len(self.left) - left @ left.mT
        return outside

    def __call__(self, y: Tensor, projected: Tensor) -> Tensor:
        """Return scores of shape (n_alphas, n_tile) in float64, NaN where undefined.

        Args:
            y: centred targets, tensor of shape (n, n_tile), rows sorted.
            projected: left^T y, tensor of shape (r, n_tile).
        """
        rest = None if self.spans_rows else y - self.left @ projected
        tile_scores = [_TileScore(fold.split(y), self.score) for fold in self.folds]
        tall = [self._of_tall(fold, y, projected) for fold in self.tall]
        out = torch.empty(len(self.shrink), y.shape[1], dtype=torch.float64, device=y.device)
        scaled, residual = torch.empty_like(projected), torch.empty_like(y)
        for alpha, shrink in enumerate(self.shrink):
            if self.folds:
                torch.mul(projected, shrink[:, None], out=scaled)
                torch.mm(self.left, scaled, out=residual)
                if rest is not None:
                    residual += rest
            parts = [
                tile_score.of(fold.inverse[alpha] @ fold.split(residual))
                for tile_score, fold in zip(tile_scores, self.folds, strict=True)
            ]
            out[alpha] = self._combine(torch.cat([*parts, *(each[alpha] for each in tall)]), y)
        return out

    def _of_tall(self, fold: TallFold, y: Tensor, projected: Tensor) -> Tensor:
        """Return the scores of a tall fold at every penalty, tensor of shape (n_alphas, 1, n_tile)."""
        tile_score = _TileScore(y[fold.rows][None], self.score)
        return torch.stack([tile_score.of(each[None]) for each in fold.held_out(y, projected, self.alphas)])

    def _combine(self, parts: Tensor, y: Tensor) -> Tensor:
        if self.score != "r2_pooled":
            return parts.nanmean(dim=0)
        total = y.double().square().sum(dim=0)
        return torch.where(total > 0, 1.0 - parts.sum(dim=0) / total, torch.nan)


class _TileScore:
    """One score of one tile's folds, with what does not depend on the penalty computed once."""

    def __init__(self, y: Tensor, score: Score) -> None:
        """Take targets y of shape (n_folds, size, n_tile)."""
        self.y, self.score = y, score
        # Shifted by the first row, so that a target that is constant in a fold has exactly no variance.
        shifted = y.double() - y[:, :1].double()
        centred = shifted - shifted.mean(dim=1, keepdim=True)
        self.total = torch.where(shifted.any(dim=1), centred.square().sum(dim=1), torch.nan)
        self.centred = centred.to(y.dtype) if score == "pearson" else y

    def of(self, held_out: Tensor) -> Tensor:
        """Return the score per fold, of shape (n_folds, n_tile), or the squared residuals to be pooled."""
        if self.score != "pearson":
            squares: Tensor = torch.linalg.vector_norm(held_out, dim=1).double().square()
            return squares if self.score == "r2_pooled" else 1.0 - squares / self.total
        prediction = self.y - held_out
        prediction -= prediction.mean(dim=1, keepdim=True)
        shared = (prediction * self.centred).sum(dim=1).double()
        spread: Tensor = torch.linalg.vector_norm(prediction, dim=1).double()
        # A prediction that varies by less than the rounding of y - residual has no direction: it scores 0.
        varies = spread > 4 * torch.finfo(self.y.dtype).eps * self.total.sqrt()
        return torch.where(varies | self.total.isnan(), shared / (spread * self.total.sqrt()), 0.0)


def fold_order(folds: NDArray[Any], score: Score) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows sorted by fold, (n_rows,), folds of one size side by side, and the ascending sizes, (n_folds,).

    Raises:
        UsageError: if there are fewer than two folds, or the score is undefined for folds of one row.
    """
    _, label, count = np.unique(folds, return_inverse=True, return_counts=True)
    if count.size < 2:
        raise UsageError("cross-validation needs two folds or more")
    if score != "r2_pooled" and count.min() < 2:
        raise UsageError(f"score {score!r} is undefined in a fold of one row", next="use the score 'r2_pooled'")
    return np.lexsort((label, count[label])), np.sort(count)


def choose_alphas(scores: NDArray[np.float64], alphas: NDArray[np.float64], per_target: bool) -> NDArray[np.float64]:
    """Return the best penalty of each target, the larger one in ties.

    Args:
        scores: array of shape (n_alphas, n_targets), NaN for targets without a score.
        alphas: ascending array of shape (n_alphas,).
        per_target: False gives all targets the penalty with the best mean score; targets without a score always get
            that one.

    Returns:
        Array of shape (n_targets,).
    """
    defined = ~np.isnan(scores).any(axis=0)
    mean = scores[:, defined].mean(axis=1) if defined.any() else np.zeros(alphas.size)
    best = np.full(scores.shape[1], _last_argmax(mean[:, None])[0])
    if per_target:
        best[defined] = _last_argmax(scores[:, defined])
    return np.asarray(alphas[best], np.float64)


def _last_argmax(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.asarray(scores.shape[0] - 1 - np.argmax(scores[::-1], axis=0), np.intp)


def _invert(blocks: Tensor) -> Tensor:
    """Invert symmetric positive matrices of shape (n_folds, size, size) in float64."""
    blocks = blocks.double()
    factor, failed = torch.linalg.cholesky_ex(blocks)
    inverse: Tensor = torch.cholesky_inverse(factor)
    if bool(failed.any()):
        # Rows that the rest cannot predict at all, at a penalty below rounding: the directions left out are noise.
        bad = failed > 0
        inverse[bad] = torch.linalg.pinv(blocks[bad], hermitian=True)
    return inverse
