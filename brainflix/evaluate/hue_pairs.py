"""Hue scores of every prediction against every true clip, by matrix products: what permutation needs.

Both scores of `hue` are products of one number per pixel and frame with another, so all pairs cost a few matrix
products instead of n_clips^2 passes over the pixels (docs/scoring.md, Hue).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from brainflix.evaluate.hue import Order, hue_8bit, hue_of
from brainflix.evaluate.pixel_pairs import mean_over_frames
from brainflix.evaluate.pixels import Floats, Frames


def hue_circ_matrix(truth: Frames, prediction: Frames) -> Floats:
    """Return `hue.circ` of all pairs of clips, averaged over the frames where it is defined.

    Args:
        truth: array of shape (n_truths, n_frames, n_places, 3), uint8 RGB; places are the pixels of a frame.
        prediction: array of shape (n_predictions, n_frames, n_places, 3).

    Returns:
        Array of shape (n_predictions, n_truths), NaN where no frame of a pair has a pixel with colour in both.

    Raises:
        DataError: the clips are not uint8 RGB, or differ in frames or places.
    """
    return mean_over_frames(truth, prediction, _circ_frame)


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
    return mean_over_frames(truth, prediction, partial(_cos_frame, order))


def _circ_frame(predictions: Frames, truths: Frames) -> Floats:
    """Return the score of one frame of all pairs, from arrays of shape (n, n_places, 3)."""
    a, b = (hue_of(frames) for frames in (predictions, truths))
    # cos(a - b) = cos a cos b + sin a sin b; a weight of 0 on either side leaves the pixel out of both sums.
    agreement = a.vector.real @ b.vector.real.T
    agreement += a.vector.imag @ b.vector.imag.T
    return _divide(agreement, a.saturation @ b.saturation.T)


def _cos_frame(order: Order, predictions: Frames, truths: Frames) -> Floats:
    a, b = (hue_8bit(frames, order).astype(np.float64) for frames in (predictions, truths))
    norm = np.sqrt(np.outer((a * a).sum(axis=1), (b * b).sum(axis=1)))
    return _divide(a @ b.T, norm)


def _divide(above: Floats, below: Floats) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return quotient
