"""Hue scores of every prediction against every true clip, by matrix products: what re-pairing needs.

Both scores of `hue` are products of one number per pixel and frame with another, so all pairs cost a few matrix
products instead of n_clips^2 passes over the pixels (metrics spec 2.5, 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, reduce

import numpy as np

from brainflix.errors import DataError
from brainflix.evaluate.hue import LEAST_SATURATION, Order, hue_8bit, hue_degrees
from brainflix.evaluate.pixels import Floats, Frames

# Bytes of working arrays at once, and how many of 8 bytes a hue takes for each place of each clip.
MEMORY_BYTES, WORK_ARRAYS = 2**28, 12


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
    agreement, weight = _over_places(_circ_sums, truth, prediction)
    return _divide(agreement, weight)


def _circ_sums(truth: Frames, prediction: Frames) -> tuple[Floats, ...]:
    (cosine_a, sine_a, weight_a), (cosine_b, sine_b, weight_b) = (_parts(f) for f in (prediction, truth))
    # cos(a - b) = cos a cos b + sin a sin b; a weight of 0 on either side leaves the pixel out of both sums.
    return cosine_a @ cosine_b.T + sine_a @ sine_b.T, weight_a @ weight_b.T


def _parts(frames: Frames) -> tuple[Floats, Floats, Floats]:
    """Return s cos h, s sin h and s, each (n, n_places), with s zeroed where a hue is rounding noise."""
    hue, saturation = hue_degrees(frames)
    coloured = saturation >= LEAST_SATURATION
    weight = np.where(coloured, saturation, 0.0)
    angle = np.deg2rad(np.where(coloured, hue, 0.0))
    return weight * np.cos(angle), weight * np.sin(angle), weight


def _cos_frame(truth: Frames, prediction: Frames, order: Order) -> Floats:
    product, squares_a, squares_b = _over_places(partial(_cos_sums, order), truth, prediction)
    return _divide(product, np.sqrt(squares_a * squares_b))


def _cos_sums(order: Order, truth: Frames, prediction: Frames) -> tuple[Floats, ...]:
    a, b = (hue_8bit(frames, order).astype(np.float64) for frames in (prediction, truth))
    return a @ b.T, np.square(a).sum(axis=1)[:, None], np.square(b).sum(axis=1)


def _over_places(
    sums: Callable[[Frames, Frames], tuple[Floats, ...]], truth: Frames, prediction: Frames
) -> tuple[Floats, ...]:
    """Add up sums over the places of one frame, a block of places at a time."""
    block = max(1, MEMORY_BYTES // (8 * WORK_ARRAYS * (len(truth) + len(prediction))))
    parts = (
        sums(truth[:, start : start + block], prediction[:, start : start + block])
        for start in range(0, truth.shape[1], block)
    )
    return reduce(lambda done, new: tuple(x + y for x, y in zip(done, new, strict=True)), parts)


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
    if not truth.size or not prediction.size:
        raise DataError(f"truths {truth.shape} and predictions {prediction.shape} have no hue", why="one is empty")
    return range(truth.shape[1])


def _mean_defined(matrices: Iterable[Floats]) -> Floats:
    """Average matrices one after the other, so that only one is held, each entry over those that define it."""

    def add(done: tuple[Floats, Floats], values: Floats) -> tuple[Floats, Floats]:
        defined = ~np.isnan(values)
        return done[0] + np.where(defined, values, 0.0), done[1] + defined

    zero = np.zeros(())
    return _divide(*reduce(add, matrices, (zero, zero)))
