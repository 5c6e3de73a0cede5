"""Fit clips to what a video-to-video model takes, sides and numbers of frames, and find their frames again after it.

Sides are multiples of 8, 16 or 32, frames 4k + 1, 8k + 1 or any (docs/methods/brain-netflix.md, Other generators).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.io.frames import resize

_ORDER = "(n_clips, n_frames, height, width, 3)"


@dataclass(frozen=True)
class Limits:
    """What a model takes.

    Attributes:
        side_px: height and width are multiples of this.
        first, step: numbers of frames are first, first + step, first + 2 step, ...
        most: largest number of frames; None for no limit.
    """

    side_px: int
    first: int = 1
    step: int = 1
    most: int | None = None


@dataclass(frozen=True, eq=False)
class Clock:
    """Which frame is which, so that frame i means the same time before and after.

    Attributes:
        there: for each frame that the model sees, the given frame that is on screen then, (n_seen,).
        back: for each frame of the clip, the model's frame whose start is nearest, (n_clip,).
    """

    there: NDArray[np.intp]
    back: NDArray[np.intp]


def fit_frames(n_given: int, n_clip: int, n_seen: int, limits: Limits) -> Clock:
    """Spread the given frames over the clip's time as `n_seen` frames, and hold the last until the model takes them.

    Args:
        n_given: frames of the video that is handed in; they fill the clip's time evenly.
        n_clip: frames that are wanted of the clip.
        n_seen: frames that the model is to see of the clip's time.
        limits: what the model takes.

    Raises:
        DataError: that is more than the model takes.
    """
    n_fit = max(n_seen, limits.first)
    n_fit += (limits.first - n_fit) % limits.step
    if limits.most is not None and n_fit > limits.most:
        raise DataError(
            f"clips of {n_fit} frames are too long for this generator",
            why=f"its weights were made for at most {limits.most} frames",
            next="set fps lower, or take fewer frames of a clip",
        )
    seen, wanted = np.arange(n_fit), np.arange(n_clip)
    there = np.minimum(seen, n_seen - 1) * n_given // n_seen
    # Half-way between two starts the earlier one is taken, as in scoring.
    back = -((n_clip - 2 * wanted * n_seen) // (2 * n_clip))
    return Clock(there.astype(np.intp), np.minimum(back, n_seen - 1).astype(np.intp))


def check_frames(frames: np.ndarray, n_clips: int) -> np.ndarray:
    """Return frames that are what they should be: uint8 of shape (n_clips, n_frames, height, width, 3).

    Raises:
        DataError: another type, order of axes or number of clips; nothing is transposed or rescaled silently.
    """
    found = f"{frames.dtype} of shape {frames.shape}"
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or min(frames.shape) == 0:
        raise DataError(
            f"a video-to-video generator takes uint8 frames {_ORDER}, not {found}",
            next="hand it the videos of an earlier step, such as one of the part decode-latents",
        )
    if len(frames) != n_clips:
        raise DataError(f"there are videos of {len(frames)} clips for {n_clips} clips")
    return frames


def check_size(size_px: tuple[int, int], limits: Limits) -> None:
    """Refuse a height or width that the model cannot halve as often as it must.

    Raises:
        UsageError: a side is no multiple of `limits.side_px`; says the nearest ones.
    """
    step = limits.side_px
    if any(side % step for side in size_px):
        near = [max(step, round(side / step) * step) for side in size_px]
        raise UsageError(f"size_px {list(size_px)} does not fit", why=f"sides are multiples of {step}", next=f"{near}")


def fit_size(frames: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize the frames (n_clips, n_frames, height, width, 3) of all clips; the aspect ratio is not kept."""
    # (n_clips, n_frames, height, width, 3)
    return resize(frames.reshape(-1, *frames.shape[2:]), *size_px).reshape(*frames.shape[:2], *size_px, 3)
