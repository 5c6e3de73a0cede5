"""Ridge regression of many targets: one decomposition, exact cross-validation of all penalties, a penalty per target.

Dual with no more rows than columns, primal otherwise. Targets are streamed in column tiles, so Y may be anything that
slices like an array.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainflix.errors import DataError, UsageError
from brainflix.linear.ridge_cv import SCORES, FoldScorer, Score, choose_alphas, fold_order
from brainflix.linear.spectrum import Spectrum, centred_columns, centred_rows, compute_dtype, decompose
from brainflix.progress import Track, untracked

Device = str | torch.device

#: Targets handled at a time.
TARGET_TILE = 1024


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A fitted ridge: prediction = y_mean + (x - x_mean) W, where W = (x_train - x_mean)^T dual_coef, or primal_coef.

    Attributes:
        dual_coef: array of shape (n, t) if n <= p, else None.
        primal_coef: array of shape (p, t) if p < n, else None.
        x_train: the training X of shape (n, p) that was passed in, by reference; None in the primal form.
        x_mean: array of shape (p,).
        y_mean: array of shape (t,).
        alpha: chosen penalty, array of shape (t,).
        alphas: all penalties, ascending, array of shape (n_alphas,).
        cv_scores: cross-validated scores, array of shape (n_alphas, t); NaN without folds and for constant targets.
    """

    dual_coef: NDArray[Any] | None
    primal_coef: NDArray[Any] | None
    x_train: Any
    x_mean: NDArray[np.float64]
    y_mean: NDArray[np.float64]
    alpha: NDArray[np.float64]
    alphas: NDArray[np.float64]
    cv_scores: NDArray[np.float64]

    @property
    def cv_score(self) -> NDArray[np.float64]:
        """Return the cross-validated score of each target at its penalty, array of shape (t,)."""
        row = np.searchsorted(self.alphas, self.alpha)
        return np.asarray(self.cv_scores[row, np.arange(self.alpha.size)], np.float64)

    def predict(self, x: Any, *, target_tile: int = TARGET_TILE, device: Device = "cpu") -> NDArray[Any]:
        """Predict the targets of new rows, in the precision of the fit.

        Args:
            x: array of shape (m, p).
            target_tile: targets handled at a time.
            device: where the products run.

        Returns:
            Array of shape (m, t).

        Raises:
            DataError: if x has other columns than the training X.
        """
        if x.ndim != 2 or x.shape[1] != self.x_mean.size:
            raise DataError(f"rows to predict must have shape (m, {self.x_mean.size}), not {x.shape}")
        coef = self._coef
        dtype = torch.from_numpy(coef[:0, :0].copy()).dtype
        if self.dual_coef is None:
            left = torch.cat(list(centred_rows(x, self.x_mean, dtype, device)))
        else:
            left = torch.zeros(x.shape[0], coef.shape[0], dtype=dtype, device=device)
            pairs = (centred_columns(z, self.x_mean, dtype, device, n_rows=len(coef)) for z in (x, self.x_train))
            for new, train in zip(*pairs, strict=True):
                left += new @ train.T
        out = np.empty((x.shape[0], coef.shape[1]), coef.dtype)
        for part in _tiles(coef.shape[1], target_tile):
            product = left @ torch.from_numpy(coef[:, part].copy()).to(device)
            out[:, part] = product.cpu().numpy() + self.y_mean[part]
        return out

    def weights(self, *, device: Device = "cpu") -> NDArray[Any]:
        """Return W, array of shape (p, t): large where t is, and needed only to look at the weights."""
        if self.primal_coef is not None:
            return self.primal_coef
        coef = self._coef
        right = torch.from_numpy(coef.copy()).to(device)
        chunks = centred_columns(self.x_train, self.x_mean, right.dtype, device)
        return np.concatenate([(chunk.T @ right).cpu().numpy() for chunk in chunks])

    @property
    def _coef(self) -> NDArray[Any]:
        coef = self.primal_coef if self.dual_coef is None else self.dual_coef
        assert coef is not None
        return coef


def fit_ridge(
    x: Any,
    y: Any,
    alphas: Sequence[float] | NDArray[Any],
    folds: NDArray[Any] | None = None,
    *,
    per_target: bool = True,
    score: Score = "r2",
    target_tile: int = TARGET_TILE,
    device: Device = "cpu",
    track: Track = untracked,
) -> RidgeFit:
    """Fit min |y - b - x w|^2 + alpha |w|^2 for every target, alpha by exact k-fold cross-validation.

    The intercept b is not penalised. Products run in float32, or in float64 if x and y are float64; the single
    eigendecomposition always runs in float64. Columns of x are centred, not scaled.

    Args:
        x: array of shape (n, p).
        y: array of shape (n, t), or anything with a shape and a dtype of which y[:, a:b] is an array.
        alphas: penalties > 0; of equally good ones the larger is taken.
        folds: fold label of each row, array of shape (n,), such as the run (leave one run out); not needed for a single
            penalty. `contiguous_folds` makes some.
        per_target: choose a penalty for each target, or one for all by the mean score.
        score: "r2" or "pearson", means over folds, or "r2_pooled" over all held-out rows (for folds of one row).
        target_tile: targets handled at a time; it bounds memory and does not change the result beyond rounding.
        device: where the products run.
        track: counts tiles of targets.

    Raises:
        DataError: if shapes do not match or values are not finite.
        UsageError: if alphas, folds or score are unusable.
    """
    grid = _check(x, y, alphas, folds, score)
    dtype = compute_dtype(x, y)
    spectrum = decompose(x, dtype, device)
    penalties = torch.from_numpy(grid).to(device)
    order, scorer = np.arange(x.shape[0]), None
    if folds is not None:
        order, sizes = fold_order(np.asarray(folds), score)
        spectrum = _with_rows(spectrum, order)
        scorer = FoldScorer(spectrum, penalties, sizes, score)
    n_coef = x.shape[0] if spectrum.dual else x.shape[1]
    coef = np.empty((n_coef, y.shape[1]), np.float64 if dtype == torch.float64 else np.float32)
    scores = np.full((grid.size, y.shape[1]), np.nan)
    y_mean = np.empty(y.shape[1])
    rank = spectrum.values.numel()
    for part in track(list(_tiles(y.shape[1], target_tile)), "tiles of targets"):
        tile, y_mean[part] = _centred_targets(y, part, order)
        targets = torch.from_numpy(tile).to(device=device, dtype=dtype)
        projected = spectrum.left.T @ targets
        coef[:rank, part] = projected.cpu().numpy()  # parked here until the penalties are known
        if scorer is not None:
            scores[:, part] = scorer(targets, projected).cpu().numpy()
    alpha = choose_alphas(scores, grid, per_target)
    for part in _tiles(y.shape[1], target_tile):
        solved = _solve(spectrum, torch.from_numpy(coef[:rank, part].copy()).to(device), alpha[part])
        # The fancy index sends dual coefficients back to the rows that they belong to.
        coef[order if spectrum.dual else np.arange(n_coef), part] = solved.cpu().numpy()
    dual, primal, kept = (coef, None, x) if spectrum.dual else (None, coef, None)
    return RidgeFit(dual, primal, kept, spectrum.x_mean, y_mean, alpha, grid, scores)


def _solve(spectrum: Spectrum, projected: Tensor, alpha: NDArray[np.float64]) -> Tensor:
    """Coefficients of a tile with any mix of penalties: one product."""
    values = spectrum.values[:, None]
    shrink = 1.0 / (values + torch.from_numpy(alpha).to(values.device))
    if not spectrum.dual:
        shrink *= values.sqrt()
    return spectrum.right @ (projected * shrink.to(projected.dtype))


def _with_rows(spectrum: Spectrum, order: NDArray[np.int64]) -> Spectrum:
    left = spectrum.left[torch.from_numpy(order).to(spectrum.left.device)]
    right = left if spectrum.dual else spectrum.right
    return Spectrum(left, right, spectrum.values, spectrum.dual, spectrum.x_mean)


def _centred_targets(y: Any, part: slice, order: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tile = np.asarray(y[:, part], np.float64)[order]
    if not np.isfinite(tile).all():
        raise DataError("Y has values that are not finite")
    # Shifted by a row first, so that constant targets become exactly 0 and are scored as undefined.
    first = tile[0].copy()
    tile -= first
    shift = tile.mean(axis=0)
    tile -= shift
    return tile, first + shift


def _check(x: Any, y: Any, alphas: Any, folds: Any, score: str) -> NDArray[np.float64]:
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[0] != y.shape[0] or x.shape[0] < 2:
        raise DataError(f"X and Y need the shapes (n, p) and (n, t) with n of 2 or more, not {x.shape} and {y.shape}")
    grid = np.unique(np.asarray(alphas, np.float64))
    if grid.size == 0 or not (np.isfinite(grid).all() and grid[0] > 0):
        raise UsageError("penalties must be positive numbers, at least one")
    if score not in SCORES:
        raise UsageError(f"unknown score {score!r}", next=f"use one of {', '.join(SCORES)}")
    if folds is None and grid.size > 1:
        raise UsageError("choosing among penalties needs folds", next="pass folds, or a single penalty")
    if folds is not None and np.shape(folds) != (x.shape[0],):
        raise DataError(f"folds must have shape ({x.shape[0]},), not {np.shape(folds)}")
    return grid


def _tiles(n: int, tile: int) -> Iterator[slice]:
    if tile < 1:
        raise UsageError(f"a tile must hold at least one target, not {tile}")
    for start in range(0, n, tile):
        yield slice(start, min(n, start + tile))
