"""Flow errors beside the end-point error in pixels: the published angular error, and EPE in units that can be compared.

Pixels per step scale with resolution and frame rate; image diagonals per second do not (docs/scoring.md, Optical flow).
"""

from __future__ import annotations

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.flow import Floats, Flow, epe

# The published script adds this to |F| |G|: the cosine of a pixel without motion is 0, hence its angle 90 degrees.
PUBLISHED_EPSILON = 1e-8


def angular_error(truth: Flow, prediction: Flow) -> Floats:
    """Return the mean angle between true and predicted flow vectors as published, in degrees.

    arccos(F . G / (|F| |G| + 1e-8)) of each pixel and step, then the mean over both. A pixel without motion on either
    side counts 90 degrees by construction, so a static prediction scores exactly 90, whatever the truth.

    Args:
        truth: array of shape (n_clips, n_steps, height, width, 2), pixels per step.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_clips,), in [0, 180].

    Raises:
        DataError: the shapes differ.
    """
    _check(truth, prediction)
    return np.array([_mean_angle(f, g) for f, g in zip(truth, prediction, strict=True)])


def epe_diagonals_per_second(truth: Flow, prediction: Flow, fps_hz: float) -> Floats:
    """Return the mean end-point error of each clip in image diagonals per second.

    Args:
        truth: array of shape (n_clips, n_steps, height, width, 2), pixels per step.
        prediction: array of the same shape.
        fps_hz: frame rate of both clips, steps per second.

    Returns:
        Array of shape (n_clips,).

    Raises:
        DataError: the shapes differ.
        UsageError: the frame rate is not positive.
    """
    if not fps_hz > 0:
        raise UsageError(f"a frame rate of {fps_hz} Hz has no steps", next="pass the clips' frames per second")
    _check(truth, prediction)
    return epe(truth, prediction) * (fps_hz / float(np.hypot(*truth.shape[2:4])))


def _mean_angle(truth: Flow, prediction: Flow) -> float:
    f, g = truth.astype(np.float64), prediction.astype(np.float64)
    length = np.linalg.norm(f, axis=-1) * np.linalg.norm(g, axis=-1)
    cosine = (f * g).sum(axis=-1) / (length + PUBLISHED_EPSILON)
    # Rounding can carry the cosine of parallel vectors past 1.
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


def _check(truth: Flow, prediction: Flow) -> None:
    if truth.shape != prediction.shape or truth.ndim != 5 or truth.shape[-1] != 2:
        what = f"flows of shape {truth.shape} and {prediction.shape} do not match"
        raise DataError(what, why="need (n_clips, n_steps, height, width, 2) twice")
