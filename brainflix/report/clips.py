"""Which clips the page shows, and how frames become videos inside it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.io.video import mp4_bytes

# Small frames are enlarged so that the codec's halved colour planes keep their edges; large ones shrunk to keep the page light.
ENLARGE_BELOW_PX = 96
LARGEST_PX = 192
CRF = 20


def choose_clips(
    values: NDArray[np.float64], seed: int, subject: int | None, *, higher_is_better: bool = True, n_random: int = 4
) -> list[tuple[str, int]]:
    """Choose the best, the median, the worst and some random clips, each at most once.

    Args:
        values: per-clip score, array of shape (n_clips,); NaN where undefined (such a clip can only be drawn at random).
        seed: of the random ones, together with `subject`.
        subject: subject number, None for a pooled result.
        higher_is_better: direction of the score.
        n_random: random clips among those left.

    Returns:
        (label, index) pairs, ranked ones first.
    """
    order = np.flatnonzero(np.isfinite(values))
    order = order[np.argsort(values[order] * (-1 if higher_is_better else 1), kind="stable")]
    ranked: dict[int, str] = {}
    if order.size:
        for label, place in (("best", 0), ("median", len(order) // 2), ("worst", len(order) - 1)):
            ranked.setdefault(int(order[place]), label)
    left = np.array([i for i in range(len(values)) if i not in ranked], np.int64)
    rng = np.random.default_rng([seed, 0 if subject is None else subject])
    drawn = rng.choice(left, size=min(n_random, len(left)), replace=False) if left.size else left
    return [(label, index) for index, label in ranked.items()] + [("random", int(index)) for index in drawn]


def video_uri(frames: NDArray[Any], fps_hz: float) -> str:
    """Return frames as a data URI of an H.264 mp4.

    Args:
        frames: array of shape (n_frames, height, width, 3), RGB; uint8, or floats from 0 to 1 or from 0 to 255.
        fps_hz: frame rate.

    Raises:
        DataError: the frames cannot be encoded.
    """
    data = mp4_bytes(fit(to_uint8(frames)), max(1.0, fps_hz), crf=CRF)
    return "data:video/mp4;base64," + base64.b64encode(data).decode("ascii")


def to_uint8(frames: NDArray[Any]) -> NDArray[np.uint8]:
    """Return frames as uint8, whether they were uint8, 0 to 1 or 0 to 255.

    Raises:
        DataError: they are not (n_frames, height, width, 3) or not finite.
    """
    if frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
        raise DataError(f"frames must be (n_frames, height, width, 3), not {frames.shape}")
    if frames.dtype == np.uint8:
        return frames
    values = frames.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError("frames hold numbers that are not finite")
    scale = 255.0 if values.max() <= 1.0 else 1.0
    return np.rint(np.clip(values * scale, 0, 255)).astype(np.uint8)


def fit(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return frames (n, height, width, 3) enlarged or shrunk by a whole factor, with even sides."""
    largest = max(frames.shape[1:3])
    if largest < ENLARGE_BELOW_PX:
        frames = frames.repeat(2, axis=1).repeat(2, axis=2)
    elif largest > LARGEST_PX:
        frames = _shrink(frames, -(-largest // LARGEST_PX))
    height, width = (side % 2 for side in frames.shape[1:3])
    return np.pad(frames, ((0, 0), (0, height), (0, width), (0, 0)), mode="edge")


def _shrink(frames: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Average blocks of `factor` pixels; what does not fill a block is cut off."""
    n, height, width, channels = frames.shape
    rows, columns = max(1, height // factor), max(1, width // factor)
    down, across = min(factor, height), min(factor, width)
    blocks = frames[:, : rows * down, : columns * across].reshape(n, rows, down, columns, across, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
