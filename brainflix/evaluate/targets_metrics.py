"""Scores of regressed targets: R2 per dim, profile and pattern correlation.

The correlation of the flattened matrices, printed elsewhere, is left out on purpose: predicting the training mean for
every clip scores 0.4-0.7 on it (docs/scoring.md, Target vectors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.identification import standardise
from brainflix.evaluate.nway import Floats


@dataclass(frozen=True)
class R2Summary:
    """R2 over dims: mean and median of the defined dims, variance-weighted value, and how many dims are undefined."""

    mean: float
    median: float
    weighted: float
    n_dims: int
    n_undefined: int


def r2_per_dim(truth: NDArray[Any], prediction: NDArray[Any], baseline: NDArray[Any] | None = None) -> Floats:
    """Return 1 - SSE / SST of each dim over the clips.

    Args:
        truth: array of shape (n_clips, n_dims).
        prediction: array of shape (n_clips, n_dims).
        baseline: array of shape (n_dims,), the training mean, against which SST is taken ("skill"); None takes the
            mean of `truth`, as scikit-learn does.

    Returns:
        Array of shape (n_dims,), NaN where SST is 0.
    """
    sse, sst = _sums(truth, prediction, baseline)
    r2: Floats = 1.0 - np.divide(sse, sst, out=np.full_like(sse, np.nan), where=sst > 0)
    return r2


def r2_summary(truth: NDArray[Any], prediction: NDArray[Any], baseline: NDArray[Any] | None = None) -> R2Summary:
    """Summarise R2 over dims; arguments as in `r2_per_dim`."""
    per_dim = r2_per_dim(truth, prediction, baseline)
    n_dims, defined = per_dim.size, per_dim[~np.isnan(per_dim)]
    if not defined.size:
        return R2Summary(np.nan, np.nan, np.nan, n_dims, n_dims)
    sse, sst = _sums(truth, prediction, baseline)
    weighted = 1.0 - float(sse.sum() / sst.sum())
    return R2Summary(float(defined.mean()), float(np.median(defined)), weighted, n_dims, n_dims - defined.size)


def mean_errors(truth: NDArray[Any], prediction: NDArray[Any]) -> tuple[float, float]:
    """Return the mean squared and the mean absolute error over all clips and dims; arguments as in `r2_per_dim`."""
    _check(truth, prediction)
    error = np.asarray(truth, np.float64) - prediction
    return float(np.square(error).mean()), float(np.abs(error).mean())


def profile_correlation(truth: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    """Return the Pearson correlation over clips of each dim, array of shape (n_dims,), NaN where one is constant."""
    _check(truth, prediction)
    return _pearson(np.asarray(truth, np.float64), np.asarray(prediction, np.float64), axis=0)


def pattern_correlation(truth: NDArray[Any], prediction: NDArray[Any], mean: NDArray[Any], sd: NDArray[Any]) -> Floats:
    """Return the Pearson correlation over dims of each clip, both z-scored with the training mean and sd.

    Args:
        truth: array of shape (n_clips, n_dims).
        prediction: array of shape (n_clips, n_dims).
        mean: array of shape (n_dims,), of the training targets.
        sd: array of shape (n_dims,), of the training targets.

    Returns:
        Array of shape (n_clips,), NaN where either pattern is constant.
    """
    _check(truth, prediction)
    informative = np.asarray(sd) > 0
    z_truth = standardise(truth, mean, sd)[:, informative]
    return _pearson(z_truth, standardise(prediction, mean, sd)[:, informative], axis=1)


def _sums(truth: NDArray[Any], prediction: NDArray[Any], baseline: NDArray[Any] | None) -> tuple[Floats, Floats]:
    _check(truth, prediction)
    observed = np.asarray(truth, np.float64)
    reference = observed.mean(axis=0) if baseline is None else baseline
    sst = np.square(observed - reference).sum(axis=0)
    if baseline is None:
        # The mean of equal numbers can miss them by a rounding error, which must not count as variance.
        sst[np.ptp(observed, axis=0) == 0] = 0.0
    return np.square(observed - prediction).sum(axis=0), sst


def _pearson(a: Floats, b: Floats, axis: int) -> Floats:
    constant = (np.ptp(a, axis=axis) == 0) | (np.ptp(b, axis=axis) == 0)
    a, b = a - a.mean(axis=axis, keepdims=True), b - b.mean(axis=axis, keepdims=True)
    norm = np.linalg.norm(a, axis=axis) * np.linalg.norm(b, axis=axis)
    defined = (norm > 0) & ~constant
    r: Floats = np.divide((a * b).sum(axis=axis), norm, out=np.full(norm.shape, np.nan), where=defined)
    return r


def _check(truth: NDArray[Any], prediction: NDArray[Any]) -> None:
    if truth.ndim != 2 or truth.shape != prediction.shape:
        raise DataError(f"truth {truth.shape} and prediction {prediction.shape} are not both (n_clips, n_dims)")
