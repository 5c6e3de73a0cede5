"""Distances between sets of video features: Frechet (FVD) and unbiased polynomial-kernel MMD^2 (KVD).

Both compare sets, not pairs: a generator that ignores the brain can reach zero, so neither says anything about
decoding (docs/scoring.md, FVD and KVD). Features come from the user's extractor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError

Floats = NDArray[np.float64]
# Rows of a kernel matrix held at once.
BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Frechet:
    """Frechet distance of two gaussians fitted to features.

    Attributes:
        value: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2), in squared feature units.
        n_truth: true clips.
        n_prediction: predicted clips.
        singular: a set has no more clips than dims; its covariance is singular and bias dominates the value.
    """

    value: float
    n_truth: int
    n_prediction: int
    singular: bool


@dataclass(frozen=True)
class KernelDistance:
    """Unbiased MMD^2 with the kernel (x . y / d + 1)^3; it can fall below 0 for sets of one distribution.

    Attributes:
        value: over all clips; the expectation of the blocks' mean, without the noise of drawing blocks.
        block_mean: mean over the blocks, the number that others report.
        block_sd: standard deviation over the blocks, which belongs to sets of `block_size` clips, not to `value`.
        block_size: clips of each set in a block.
        n_blocks: blocks drawn.
        n_truth: true clips.
        n_prediction: predicted clips.
        singular: a set has no more clips than dims; said for comparison with FVD, as this value stays unbiased.
    """

    value: float
    block_mean: float
    block_sd: float
    block_size: int
    n_blocks: int
    n_truth: int
    n_prediction: int
    singular: bool


def frechet_distance(truth: NDArray[Any], prediction: NDArray[Any]) -> Frechet:
    """Return the Frechet distance between two sets of features, covariances with n - 1.

    tr((S1 S2)^1/2) is the sum of the singular values of R1 R2^T where S = R^T R: no square root of a matrix is taken,
    so singular covariances need no added diagonal.

    Args:
        truth: array of shape (n_truth, n_dims).
        prediction: array of shape (n_prediction, n_dims).

    Raises:
        DataError: a set has fewer than two clips, dims differ, or a feature is not finite.
    """
    x, y = _checked(truth, prediction)
    roots = [_covariance_root(features) for features in (x, y)]
    shift = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    spread = sum(np.square(root).sum() for root in roots)
    overlap = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return Frechet(float(shift + spread - 2 * overlap), len(x), len(y), _singular(x, y))


def kernel_distance(
    truth: NDArray[Any],
    prediction: NDArray[Any],
    *,
    n_blocks: int = 100,
    block_size: int | None = None,
    seed: int | np.random.Generator = 0,
) -> KernelDistance:
    """Return the unbiased squared maximum mean discrepancy of two sets of features (KVD), and its spread over blocks.

    Args:
        truth: array of shape (n_truth, n_dims).
        prediction: array of shape (n_prediction, n_dims).
        n_blocks: random subsets, drawn without replacement within a block.
        block_size: clips of each set in a block; None takes half of the smaller set, 1000 at most.
        seed: of the draws.

    Raises:
        DataError: a set has fewer than two clips, dims differ, or a feature is not finite.
        UsageError: fewer than two blocks, or a block that a set cannot fill.
    """
    x, y = _checked(truth, prediction)
    smaller = min(len(x), len(y))
    size = max(2, min(1000, smaller // 2)) if block_size is None else block_size
    if n_blocks < 2 or not 2 <= size <= smaller:
        raise UsageError(
            f"{n_blocks} blocks of {size} clips have no spread",
            next=f"use at least 2 blocks of 2 to {smaller} clips",
        )
    generator = np.random.default_rng(seed)
    blocks = [
        _mmd2(x[generator.permutation(len(x))[:size]], y[generator.permutation(len(y))[:size]]) for _ in range(n_blocks)
    ]
    mean, sd = float(np.mean(blocks)), float(np.std(blocks, ddof=1))
    return KernelDistance(_mmd2(x, y), mean, sd, size, n_blocks, len(x), len(y), _singular(x, y))


def _mmd2(x: Floats, y: Floats) -> float:
    n, m = len(x), len(y)
    within_x = (_kernel_sum(x, x) - _diagonal_sum(x)) / (n * (n - 1))
    within_y = (_kernel_sum(y, y) - _diagonal_sum(y)) / (m * (m - 1))
    return within_x + within_y - 2 * _kernel_sum(x, y) / (n * m)


def _kernel_sum(x: Floats, y: Floats) -> float:
    starts = range(0, len(x), BLOCK_ROWS)
    return float(sum(((x[i : i + BLOCK_ROWS] @ y.T / x.shape[1] + 1) ** 3).sum() for i in starts))


def _diagonal_sum(x: Floats) -> float:
    return float(((np.square(x).mean(axis=1) + 1) ** 3).sum())


def _covariance_root(features: Floats) -> Floats:
    """Return R with R^T R the covariance, of shape (min(n, n_dims), n_dims)."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"), np.float64)


def _singular(x: Floats, y: Floats) -> bool:
    return bool(min(len(x), len(y)) <= x.shape[1])


def _checked(truth: NDArray[Any], prediction: NDArray[Any]) -> tuple[Floats, Floats]:
    x, y = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not x.shape[1]:
        raise DataError(f"features of shape {x.shape} and {y.shape} are not both (n_clips, same n_dims)")
    if min(len(x), len(y)) < 2:
        raise DataError(f"sets of {len(x)} and {len(y)} clips have no distance", why="each needs at least two clips")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("a feature is not finite", next="leave out clips without defined features")
    return x, y
