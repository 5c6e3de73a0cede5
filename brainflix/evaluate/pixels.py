"""Pixel scores of uint8 videos: SSIM in two flavours, PSNR, MSE and pixel correlation, per frame and per clip.

Everything takes RGB uint8 frames of shape (n_frames, height, width, 3); a video set is anything that has a length and
gives one clip per index, so arrays on disk are read clip by clip. Frames of another size go through `io.frames.resize`
first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]
Frames = NDArray[np.uint8]
# Above this a frame counts as identical (the published scripts' cap).
PSNR_CAP_DB = 100.0
SMALLEST_MSE = 1e-10


class Videos(Protocol):
    """A set of clips of shape (n_frames, height, width, 3), uint8, read one at a time."""

    def __len__(self) -> int:
        """Return the number of clips."""

    def __getitem__(self, clip: int, /) -> Any:
        """Return one clip."""


def mse(truth: Frames, prediction: Frames) -> Floats:
    """Return the mean squared difference per frame, pixels in [0, 1]."""
    error: Floats = _squared_error(truth, prediction) / 255.0**2
    return error


def psnr(truth: Frames, prediction: Frames) -> Floats:
    """Return 10 log10(255^2 / MSE) per frame in dB, 100 for identical frames; a clip's value is the mean of dB."""
    return decibels(_squared_error(truth, prediction))


def psnr_pooled(truth: Frames, prediction: Frames) -> float:
    """Return the PSNR of a clip from the MSE over all its frames, in dB; a little below the mean of dB."""
    return float(decibels(_squared_error(truth, prediction).mean()))


def pixcorr(truth: Frames, prediction: Frames) -> Floats:
    """Return Pearson's r over the pixels and channels of each frame, NaN where either frame is constant."""
    n = truth[0].size
    r = np.full(len(truth), np.nan)
    for frame, (a, b) in enumerate(_contiguous(truth, prediction)):
        # In whole numbers, so that nothing is lost where one large sum is taken from another.
        sums = [round(sum(cv2.sumElems(each))) for each in (a, b)]
        squares = [round(cv2.norm(each, cv2.NORM_L2SQR)) for each in (a, b)]
        product = (sum(squares) - round(cv2.norm(a, b, cv2.NORM_L2SQR))) // 2
        spread = math.prod(n * square - total**2 for square, total in zip(squares, sums, strict=True))
        if spread:
            r[frame] = (n * product - math.prod(sums)) / math.sqrt(spread)
    return r


def clip_means(values: Floats) -> tuple[Floats, int]:
    """Average the defined frames of each clip and count the undefined ones.

    Args:
        values: array of shape (n_clips, n_frames).

    Returns:
        Array of shape (n_clips,), NaN only where no frame is defined, and the number of NaN frames.
    """
    defined = ~np.isnan(values)
    n = defined.sum(axis=1)
    means = np.divide(np.where(defined, values, 0.0).sum(axis=1), n, out=np.full(len(values), np.nan), where=n > 0)
    return means, int(values.size - n.sum())


def decibels(squared_error: Floats | np.float64) -> Floats:
    """Return the PSNR in dB of mean squared errors on the 0-255 scale, capped at 100 dB."""
    floored = np.maximum(squared_error, SMALLEST_MSE)
    return np.where(squared_error < SMALLEST_MSE, PSNR_CAP_DB, 10 * np.log10(255.0**2 / floored))


def checked(truth: Any, prediction: Any) -> tuple[Frames, Frames]:
    """Return both clips as arrays, or raise DataError if they are not uint8 RGB videos of one shape."""
    a, b = np.asarray(truth), np.asarray(prediction)
    for frames in (a, b):
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
            raise DataError(f"a clip is {frames.dtype} of shape {frames.shape}", why="need uint8 (n_frames, H, W, 3)")
    if a.shape != b.shape:
        raise DataError(f"truth {a.shape} and prediction {b.shape} differ in shape", next="resize or resample one")
    return a, b


def _squared_error(truth: Frames, prediction: Frames) -> Floats:
    """Return the mean squared difference per frame, 0-255 scale; the sum is a whole number and exact."""
    sums = [round(cv2.norm(a, b, cv2.NORM_L2SQR)) for a, b in _contiguous(truth, prediction)]
    return np.asarray(np.array(sums, np.float64) / truth[0].size, np.float64)


def _contiguous(truth: Frames, prediction: Frames) -> Iterator[tuple[Frames, Frames]]:
    """Yield pairs of frames as OpenCV takes them."""
    for a, b in zip(truth, prediction, strict=True):
        yield np.ascontiguousarray(a).reshape(len(a), -1), np.ascontiguousarray(b).reshape(len(b), -1)
