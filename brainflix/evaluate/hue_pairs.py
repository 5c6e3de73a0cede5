"""Hue scores of every prediction against every true clip, by matrix products: what re-pairing needs.

Both scores of `hue` are products of one number per pixel and frame with another, so all pairs cost a few matrix
products instead of n_clips^2 passes over the pixels (metrics spec 2.5, 3.3).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.hue import LEAST_SATURATION, Order, hue_8bit, hue_degrees
from brainflix.evaluate.pixels import Floats, Frames


def hue_circ_matrix(truth: Frames, prediction: Frames) -> Floats:
    """Return `hue.hue_circ` of all pairs of clips, averaged over the frames where it is defined.

    Args:
        truth: array of shape (n_truths, n_frames, n_places, 3), uint8 RGB; places are the pixels of a frame.
        prediction: array of shape (n_predictions, n_frames, n_places, 3).

    Returns:
        Array of shape (n_predictions, n_truths), NaN where no frame of a pair has a pixel with colour in both.

    Raises:
        DataError: the clips are not uint8 RGB, or differ in frames or places.
    """
    return _mean_defined(_circ_frame(truth[:, frame], prediction[:, frame]) for frame in _frames(truth, prediction))


def hue_cos_matrix(truth: Frames, prediction: Frames, order: Order) -> Floats:
    """Return `hue.hue_cos`, the published "Hue-pcc", of all pairs of clips, averaged over its defined frames.

    Args:
        truth: array of shape (n_truths, n_frames, n_places, 3), uint8 RGB; places are the pixels of a frame.
        prediction: array of shape (n_predictions, n_frames, n_places, 3).
        order: "bgr" is the released behaviour (red and blue swapped), "rgb" the same without the swap.

    Returns:
        Array of shape (n_predictions, n_truths), NaN where every frame of either clip has hue 0 everywhere.

    Raises:
        DataError: the clips are not uint8 RGB, or differ in frames or places.
        UsageError: no such order.
    """
    frames = _frames(truth, prediction)
    return _mean_defined(_cos_frame(truth[:, frame], prediction[:, frame], order) for frame in frames)


def _circ_frame(truth: Frames, prediction: Frames) -> Floats:
    """Return the score of one frame of all pairs, from arrays of shape (n, n_places, 3)."""
    (cosine_a, sine_a, weight_a), (cosine_b, sine_b, weight_b) = (_parts(f) for f in (prediction, truth))
    # cos(a - b) = cos a cos b + sin a sin b; a weight of 0 on either side leaves the pixel out of both sums.
    agreement = cosine_a @ cosine_b.T + sine_a @ sine_b.T
    return _divide(agreement, weight_a @ weight_b.T)


def _parts(frames: Frames) -> tuple[Floats, Floats, Floats]:
    """Return s cos h, s sin h and s, each (n, n_places), with s zeroed where a hue is rounding noise."""
    hue, saturation = hue_degrees(frames)
    coloured = saturation >= LEAST_SATURATION
    weight = np.where(coloured, saturation, 0.0)
    angle = np.deg2rad(np.where(coloured, hue, 0.0))
    return weight * np.cos(angle), weight * np.sin(angle), weight


def _cos_frame(truth: Frames, prediction: Frames, order: Order) -> Floats:
    a, b = (hue_8bit(frames, order).astype(np.float64) for frames in (prediction, truth))
    norm = np.sqrt(np.outer((a * a).sum(axis=1), (b * b).sum(axis=1)))
    return _divide(a @ b.T, norm)


def _divide(above: Floats, below: Floats) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return quotient


def _frames(truth: Frames, prediction: Frames) -> range:
    """Return the indices of the frames that both sets have."""
    for clips in (truth, prediction):
        if clips.dtype != np.uint8 or clips.ndim != 4 or clips.shape[3] != 3:
            need = "need uint8 (n_clips, n_frames, n_places, 3)"
            raise DataError(f"clips are {clips.dtype} of shape {clips.shape}", why=need)
    if truth.shape[1:] != prediction.shape[1:]:
        raise DataError(f"truths {truth.shape} and predictions {prediction.shape} differ in frames or places")
    return range(truth.shape[1])


def _mean_defined(matrices: Iterable[Floats]) -> Floats:
    """Average matrices one after the other, so that only one is held, each entry over those that define it."""
    total: Floats | None = None
    n: NDArray[np.int64] | None = None
    for values in matrices:
        defined = ~np.isnan(values)
        if total is None or n is None:
            total, n = np.zeros(values.shape), np.zeros(values.shape, np.int64)
        total += np.where(defined, values, 0.0)
        n += defined
    if total is None or n is None:
        raise DataError("clips without a frame have no hue")
    return _divide(total, n.astype(np.float64))
