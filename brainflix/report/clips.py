"""Which clips the page shows, and how frames become videos inside it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.io.frames import resize
from brainflix.io.video import mp4_bytes

# Small frames are enlarged so that the codec's halved colour planes keep their edges, large ones shrunk.
ENLARGE_BELOW_PX = 96
LARGEST_PX = 192
CRF = 20


def choose_clips(
    values: NDArray[np.float64], seed: int, subject: int | None, *, higher_is_better: bool = True, n_random: int = 4
) -> list[tuple[str, int]]:
    """Choose the best, the median, the worst and some random clips, each at most once.

    Args:
        values: per-clip score, array of shape (n_clips,); NaN where undefined (such a clip is only drawn at random).
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


def video_uri(films: Sequence[tuple[NDArray[Any], float]]) -> str:
    """Return films one below the other, in step, as the data URI of one H.264 mp4.

    One video instead of several: browsers limit how many a page may play, and these can never drift apart.

    Args:
        films: (frames, rate in Hz) pairs; frames of shape (n_frames, height, width, 3), RGB, uint8 or floats from
            0 to 1 or from 0 to 255.

    Raises:
        DataError: there are none, or they cannot be encoded.
    """
    frames, fps_hz = stack(films)
    data = mp4_bytes(frames, fps_hz, crf=CRF)
    return "data:video/mp4;base64," + base64.b64encode(data).decode("ascii")


def stack(films: Sequence[tuple[NDArray[Any], float]]) -> tuple[NDArray[np.uint8], float]:
    """Put films one below the other: the first one's size, the longest one's length; others hold their last frame.

    Returns:
        uint8 frames of shape (n_frames, n_films * height, width, 3) and their rate in Hz, a whole number.

    Raises:
        DataError: there are none, or they are not videos.
    """
    if not films or not all(0 < rate < np.inf for _, rate in films):
        raise DataError("there is no video to show", why="each needs frames and a positive rate")
    pictures = [to_uint8(frames) for frames, _ in films]
    fps_hz = max(1, math.ceil(max(rate for _, rate in films) - 1e-6))
    length_s = max(len(frames) / rate for frames, (_, rate) in zip(pictures, films, strict=True))
    times_s = np.arange(max(1, round(length_s * fps_hz))) / fps_hz
    cells: list[NDArray[np.uint8]] = []
    for frames, (_, rate) in zip(pictures, films, strict=True):
        at = np.minimum((times_s * rate + 1e-6).astype(int), len(frames) - 1)
        cell = fit(frames[at])
        cells.append(resize(cell, *cells[0].shape[1:3]) if cells else cell)
    return np.concatenate(cells, axis=1), float(fps_hz)


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
    scaled: NDArray[np.float32] = np.clip(values * scale, 0, 255)
    return np.rint(scaled).astype(np.uint8)


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
    means: NDArray[np.float64] = blocks.mean(axis=(2, 4))
    return np.rint(means).astype(np.uint8)
