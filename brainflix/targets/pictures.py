"""The frames that an extractor looks at: some of those that the `frames` artifact has, at a size of its own."""

from __future__ import annotations

import numpy as np

from brainflix.errors import UsageError
from brainflix.io.frames import evenly, resize, resize_as_released


def some(frames: np.ndarray, n_frames: int) -> np.ndarray:
    """Return `n_frames` of the frames of each clip (n_clips, n, H, W, 3), first and last among them; 0 takes all.

    Raises:
        UsageError: there are not so many.
    """
    there = frames.shape[1]
    if not n_frames or n_frames == there:
        return frames
    if n_frames > there:
        raise UsageError(
            f"{n_frames} frames a clip are asked for, and the frames artifact has {there}",
            next="set n_frames of the step that makes the frames at least as high",
        )
    return frames[:, evenly(there, n_frames)]


def sized(frames: np.ndarray, height_px: int, width_px: int, *, as_released: bool = False) -> np.ndarray:
    """Return clips (n_clips, n_frames, H, W, 3) uint8 at another size; 0 leaves it.

    Args:
        frames: the clips.
        height_px, width_px: the new size.
        as_released: shrink without smoothing, as Brain Netflix's released code does.
    """
    if not height_px or frames.shape[2:4] == (height_px, width_px):
        return frames
    how = resize_as_released if as_released else resize
    flat = how(frames.reshape(-1, *frames.shape[2:]), height_px, width_px)  # (n_clips * n_frames, height, width, 3)
    return flat.reshape(*frames.shape[:2], height_px, width_px, 3)
