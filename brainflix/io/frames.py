"""Resize frames: the one way of the project, so that targets, scores and pages see the same pixels.

Another way is there for targets that are to be those of a paper's released code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resize(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize frames with Pillow's bilinear filter, which antialiases when it shrinks.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8; returned as it is if it has the size already.
        height: new height in pixels.
        width: new width in pixels.
    """
    if frames.shape[1:3] == (height, width):
        return frames
    images = (Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR) for frame in frames)
    return np.stack([np.asarray(image) for image in images])


def resize_as_released(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize frames (n_frames, height, width, 3) as Brain Netflix does, by OpenCV's bilinear filter.

    It reads four pixels around each place however much it shrinks, so fine patterns alias
    (docs/methods/brain-netflix.md, Frames). Arguments and result as `resize`.
    """
    import cv2

    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in frames])


def evenly(count: int, n: int) -> NDArray[np.intp]:
    """Return which `n` of `count` frames stand for all: first, last and evenly spaced ones, rounded down (n,).

    Of fewer frames all come, and the last one again until there are enough (docs/methods/brain-netflix.md, Frames).
    """
    if count < n:
        return np.minimum(np.arange(n), count - 1)
    return np.linspace(0, count - 1, n).astype(np.intp)
