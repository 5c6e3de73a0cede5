"""Trivial baselines: videos that any decoder must beat before its score means anything (docs/scoring.md, Baselines)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.pixels import Videos

Frames = NDArray[np.uint8]
GREY = 127
# 8 pixels of 256, whatever the size.
BLUR_WIDTH_FRACTION = 8 / 256
# Radius of the gaussian in sigmas.
BLUR_REACH = 4


@dataclass(frozen=True)
class Baseline:
    """What a baseline knows: the clip's own truth, or anything decoded from the brain."""

    name: str
    sees_truth: bool
    sees_brain: bool
    summary: str


BASELINES: tuple[Baseline, ...] = (
    Baseline("grey", False, False, "constant grey 127"),
    Baseline("train_mean", False, False, "mean frame of the training clips, still"),
    Baseline("blurred", False, True, "the prediction under a gaussian of 8/256 of its width"),
    Baseline("static_first", False, True, "the prediction's first frame, still"),
    Baseline("truth_first", True, False, "the truth's first frame, still: an oracle without motion"),
    Baseline("mismatched", False, True, "the predictions of other clips"),
)


def grey(shape: tuple[int, ...], level: int = GREY) -> Frames:
    """Return constant grey videos of the given shape (n_clips, n_frames, height, width, 3)."""
    return np.full(shape, level, np.uint8)


def mean_frame(videos: Videos) -> Frames:
    """Average the frames of all training clips, read one at a time.

    Args:
        videos: n_clips clips of shape (n_frames, height, width, 3), uint8, of the training split only.

    Returns:
        Array of shape (height, width, 3), uint8, rounded.
    """
    if not len(videos):
        raise DataError("there is no training clip to average")
    total = np.zeros(np.asarray(videos[0]).shape[1:], np.int64)
    n_frames = 0
    for clip in range(len(videos)):
        frames = np.asarray(videos[clip])
        total += frames.sum(axis=0, dtype=np.int64)
        n_frames += len(frames)
    return np.rint(total / n_frames).astype(np.uint8)


def still(frame: Frames, shape: tuple[int, ...]) -> Frames:
    """Return videos of the given shape that show one frame of shape (height, width, 3) throughout."""
    if frame.shape != tuple(shape[-3:]):
        raise DataError(f"a frame of shape {frame.shape} does not fit videos of shape {shape}")
    return np.array(np.broadcast_to(frame, shape))


def blurred(prediction: Frames, width_fraction: float = BLUR_WIDTH_FRACTION) -> Frames:
    """Blur each frame with a gaussian.

    Args:
        prediction: array of shape (n_clips, n_frames, height, width, 3), uint8.
        width_fraction: sigma over the width of the frame.
    """
    sigma = width_fraction * prediction.shape[-2]
    size = 2 * round(BLUR_REACH * sigma) + 1
    result = np.empty_like(prediction)
    for index in np.ndindex(prediction.shape[:2]):
        frame = np.ascontiguousarray(prediction[index], np.float32)
        result[index] = np.rint(cv2.GaussianBlur(frame, (size, size), sigma, borderType=cv2.BORDER_REFLECT))
    return result


def static_first(videos: Frames) -> Frames:
    """Hold the first frame of each clip; of predictions a still baseline, of truths an oracle.

    Args:
        videos: array of shape (n_clips, n_frames, height, width, 3), uint8.
    """
    return np.repeat(videos[:, :1], videos.shape[1], axis=1)


def mismatched(prediction: Frames, order: NDArray[np.integer[Any]]) -> Frames:
    """Give each clip the prediction of another one.

    Args:
        prediction: array of shape (n_clips, n_frames, height, width, 3), uint8.
        order: array of shape (n_clips,), whose prediction each clip gets, a permutation without fixed points.
    """
    own = np.arange(len(prediction))
    if order.shape != own.shape or (np.sort(order) != own).any() or (order == own).any():
        raise DataError("the order is no permutation that leaves every clip a stranger's prediction")
    videos: Frames = prediction[order]
    return videos


def build(
    name: str,
    *,
    prediction: Frames,
    truth: Frames,
    training_mean: Frames | None = None,
    order: NDArray[np.integer[Any]] | None = None,
) -> Frames:
    """Return the videos of one baseline, of the shape of `prediction`.

    Args:
        name: of an entry of BASELINES.
        prediction: array of shape (n_clips, n_frames, height, width, 3), uint8.
        truth: array of the same shape.
        training_mean: array of shape (height, width, 3), needed by "train_mean".
        order: array of shape (n_clips,), needed by "mismatched".

    Raises:
        UsageError: no such baseline, or what it needs was not given.
    """
    if name == "grey":
        return grey(prediction.shape)
    if name == "train_mean" and training_mean is not None:
        return still(training_mean, prediction.shape)
    if name == "blurred":
        return blurred(prediction)
    if name == "static_first":
        return static_first(prediction)
    if name == "truth_first":
        return static_first(truth)
    if name == "mismatched" and order is not None:
        return mismatched(prediction, order)
    known = [baseline.name for baseline in BASELINES]
    if name in known:
        raise UsageError(f"baseline {name} lacks its input", next="give training_mean or order")
    raise UsageError(f"unknown baseline {name!r}", next=f"use one of {', '.join(known)}")
