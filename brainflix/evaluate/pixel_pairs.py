"""Pixel scores of every prediction with every truth, from one matrix product per frame.

Takes samples of pixels from `places.sample`. Sums of products of uint8 are exact in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.permutations import mean_matrix
from brainflix.evaluate.pixels import Floats, decibels

Sample = NDArray[np.uint8]


def mse_matrix(truth: Sample, prediction: Sample) -> Floats:
    """Return the mean squared difference of every prediction with every truth, pixels in [0, 1].

    Args:
        truth: array of shape (n_truths, n_frames, n_places, 3), uint8.
        prediction: array of shape (n_predictions, n_frames, n_places, 3), uint8.

    Returns:
        Array of shape (n_predictions, n_truths), mean over frames.
    """
    return mean_over_frames(truth, prediction, lambda x, y: _squared_error(x, y) / 255.0**2)


def psnr_matrix(truth: Sample, prediction: Sample) -> Floats:
    """Return the PSNR in dB, mean of the frames' dB; arguments and shape as of `mse_matrix`."""
    return mean_over_frames(truth, prediction, lambda x, y: decibels(_squared_error(x, y)))


def psnr_pooled_matrix(truth: Sample, prediction: Sample) -> Floats:
    """Return the PSNR in dB of all frames of a clip together; arguments and shape as of `mse_matrix`."""
    return decibels(mean_over_frames(truth, prediction, _squared_error))


def pixcorr_matrix(truth: Sample, prediction: Sample) -> Floats:
    """Return Pearson's r, mean over the frames where neither is constant; arguments and shape as of `mse_matrix`."""
    return mean_over_frames(truth, prediction, _correlation)


def mean_over_frames(truth: Sample, prediction: Sample, score: Callable[[Sample, Sample], Floats]) -> Floats:
    """Average a score of all pairs over the frames that define it, one frame's pairs at a time.

    Args:
        truth, prediction: as of `mse_matrix`.
        score: function of one frame of (predictions, truths), (n, n_places, 3) each, giving (n_predictions, n_truths).

    Returns:
        Array of shape (n_predictions, n_truths), NaN where no frame defines it.

    Raises:
        DataError: the clips are not uint8 RGB, or differ in frames or places.
    """
    for clips in (truth, prediction):
        if clips.dtype != np.uint8 or clips.ndim != 4 or clips.shape[3] != 3:
            need = "need uint8 (n_clips, n_frames, n_places, 3)"
            raise DataError(f"clips are {clips.dtype} of shape {clips.shape}", why=need)
    if truth.shape[1:] != prediction.shape[1:]:
        raise DataError(f"truths {truth.shape} and predictions {prediction.shape} differ in frames or places")
    frames = (score(prediction[:, frame], truth[:, frame]) for frame in range(truth.shape[1]))
    return mean_matrix(frames, (len(prediction), len(truth)))


def _squared_error(predictions: Sample, truths: Sample) -> Floats:
    """Return the mean squared difference of one frame's pairs, 0-255 scale."""
    x, y = (clips.reshape(len(clips), -1).astype(np.float64) for clips in (predictions, truths))
    error: Floats = x @ y.T
    error *= -2
    error += np.square(x).sum(axis=1)[:, None]
    error += np.square(y).sum(axis=1)
    return error / x.shape[1]


def _correlation(predictions: Sample, truths: Sample) -> Floats:
    """Return Pearson's r of one frame's pairs, NaN where one is constant."""
    unit = []
    for clips in (predictions, truths):
        rows = clips.reshape(len(clips), -1).astype(np.float64)
        rows -= rows.mean(axis=1, keepdims=True)
        norm = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        unit.append(np.divide(rows, norm, out=np.full_like(rows, np.nan), where=norm > 0))
    return np.asarray(unit[0] @ unit[1].T, np.float64)
