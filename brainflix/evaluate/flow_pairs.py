"""Errors of optical flow of every prediction with every truth; takes samples of flow from `places.sample`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.flow import Floats, epe_static, over_speed
from brainflix.evaluate.flow_errors import PUBLISHED_EPSILON

Sample = NDArray[np.float32]
# Entries of one block: some arrays of this size stay in a core's second-level cache.
BLOCK = 49_152


def epe_matrix(truth: Sample, prediction: Sample, *, workers: int = 1) -> Floats:
    """Return the mean end-point error of every prediction against every truth.

    Args:
        truth: array of shape (n_truths, n_steps, n_places, 2), pixels per step.
        prediction: array of shape (n_predictions, n_steps, n_places, 2).
        workers: threads; the result does not depend on them.

    Returns:
        Array of shape (n_predictions, n_truths), pixels per step.
    """

    def lengths(gx: Sample, gy: Sample, fx: Sample, fy: Sample) -> Sample:
        dx, dy = fx - gx, fy - gy
        dx *= dx
        dy *= dy
        dx += dy
        return np.asarray(np.sqrt(dx, out=dx), np.float32)

    return _mean_of_pairs(truth, prediction, lengths, workers)


def skill_matrix(truth: Sample, errors: Floats) -> Floats:
    """Return 1 - error / that of a still clip, NaN where the truth is static, (n_predictions, n_truths).

    Args:
        truth: array of shape (n_truths, n_steps, n_places, 2), pixels per step.
        errors: array of shape (n_predictions, n_truths), from `epe_matrix`.
    """
    return 1.0 - over_speed(errors, np.broadcast_to(epe_static(truth), errors.shape))


def angle_matrix(truth: Sample, prediction: Sample, *, workers: int = 1) -> Floats:
    """Return the published mean angle in degrees, `flow_errors.angular_error`; arguments and shape as of `epe_matrix`.

    A vector is divided by its length before the product, so the constant of the published formula enters here as the
    length below which a vector has no direction and makes 90 degrees.
    """

    def angles(gx: Sample, gy: Sample, fx: Sample, fy: Sample) -> Sample:
        cosine = fx * gx
        cosine += fy * gy
        np.clip(cosine, -1.0, 1.0, out=cosine)
        return np.asarray(np.arccos(cosine, out=cosine), np.float32)

    return np.degrees(_mean_of_pairs(_directions(truth), _directions(prediction), angles, workers))


def _directions(sample: Sample) -> Sample:
    length = np.linalg.norm(sample, axis=-1, keepdims=True)
    directions: Sample = np.divide(sample, length, out=np.zeros_like(sample), where=length > PUBLISHED_EPSILON**0.5)
    return directions


def _mean_of_pairs(truth: Sample, prediction: Sample, score: Callable[..., Sample], workers: int) -> Floats:
    """Average a score of vectors over all places; it takes x and y of one prediction and of some truths."""
    fx, fy, gx, gy = (
        np.ascontiguousarray(sample[..., axis]).reshape(len(sample), -1)
        for sample in (truth, prediction)
        for axis in (0, 1)
    )
    result = np.empty((len(gx), len(fx)))
    step = max(1, BLOCK // fx.shape[1])

    def row(i: int) -> None:
        for start in range(0, len(fx), step):
            some = slice(start, start + step)
            result[i, some] = score(gx[i], gy[i], fx[some], fy[some]).mean(axis=1, dtype=np.float64)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(row, range(len(gx))))
    return result
