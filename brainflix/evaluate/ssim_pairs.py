"""SSIM of every prediction with every truth, over a sample of windows.

The covariance of two windows is the product of their centred, weighted pixels: for one window, of all pairings, one
matrix product. `ssim.compare` gives the reported value; this its floor and its null (docs/scoring.md, Chance).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import places, ssim
from brainflix.evaluate.clip_pool import clip_pool
from brainflix.evaluate.pixels import Floats, Videos, checked
from brainflix.scratch import give_back, zeros

Singles = NDArray[np.float32]
# Windows in each plane at most: 16 a side.
N_WINDOWS = 256
# Bytes of windows held at once; all of a plane of so few clips that several are added at once.
MEMORY_BYTES = 40 * 2**20
# Entries of one block of pairings: some arrays of this size stay in a core's second-level cache.
BLOCK = 49_152


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one plane of all clips, as what enters SSIM.

    Attributes:
        centred: array of shape (n_windows, n_clips, n_taps), pixels minus the window's mean times the root of their
            weights, so that a covariance is a sum of products.
        mean, square, variance: of each window, arrays of shape (n_windows, n_clips); `square` is that of the mean.
    """

    centred: Singles
    mean: Singles
    square: Singles
    variance: Singles


def ssim_matrix(
    truth: Videos,
    prediction: Videos,
    flavour: ssim.Flavour,
    *,
    seed: int = 0,
    workers: int = 1,
    folder: Path | None = None,
) -> Floats:
    """Return the SSIM of every prediction with every truth, mean over frames, in single precision.

    Args:
        truth: true clips of shape (n_frames, height, width, 3), uint8.
        prediction: predicted clips of that shape.
        flavour: of the SSIM.
        seed: of the windows.
        workers: threads; the result does not depend on them.
        folder: takes the result, which has room there; None holds it in memory.

    Returns:
        Array of shape (n_predictions, n_truths).

    Raises:
        DataError: clips differ in shape, or are smaller than the window.
    """
    shape, n_windows = (len(prediction), len(truth)), 0
    total, of_plane = zeros(shape, np.float64, folder), zeros(shape, np.float32, folder)
    blocks = np.array_split(np.arange(len(prediction)), max(1, -(-total.size // BLOCK)))
    # A few pairings, of which each clip's thread asks for its own, are no work for a pool.
    with nullcontext() if len(blocks) == 1 else clip_pool(workers) as pool:
        for planes in _planes(truth, prediction, flavour, seed):
            for true, predicted in planes:
                add = partial(_add_windows, true, predicted, of_plane, flavour=flavour)
                list((pool.map if pool else map)(add, blocks))
                n_windows += len(true.mean)
            for rows in blocks:
                total[rows] += of_plane[rows]
                of_plane[rows] = 0.0
                give_back(total)
                give_back(of_plane)
    for rows in blocks:
        total[rows] /= n_windows
        give_back(total)
    return total


def _add_windows(
    true: Windows, predicted: Windows, total: Singles, rows: NDArray[np.intp], *, flavour: ssim.Flavour
) -> None:
    """Add to the rows of some predictions the SSIM of windows with all truths."""
    of = slice(rows[0], rows[-1] + 1)
    sums = np.array(total[of])
    # Few pairings: many windows at once.
    n_at_once = max(1, BLOCK // sums.size)
    for start in range(0, len(true.mean), n_at_once):
        some = slice(start, start + n_at_once)
        covariance = predicted.centred[some, of] @ true.centred[some].transpose(0, 2, 1)
        of_rows = [each[some, of, None] for each in (predicted.mean, predicted.square, predicted.variance)]
        of_truths = [each[some, None] for each in (true.mean, true.square, true.variance)]
        means = of_rows[0] * of_truths[0]
        square, variance = (a + b for a, b in zip(of_rows[1:], of_truths[1:], strict=True))
        sums += _ratio(covariance, means, square, variance, flavour).sum(axis=0)
    total[of] = sums
    give_back(total)


def _ratio(covariance: Singles, means: Singles, square: Singles, variance: Singles, flavour: ssim.Flavour) -> Singles:
    """Return the SSIM of windows from their moments, which it overwrites."""
    c1, c2 = (np.float32(constant) for constant in flavour.constants())
    means += c1 / 2
    means *= 4
    covariance += c2 / 2
    covariance *= means
    square += c1
    variance += c2
    square *= variance
    covariance /= square
    return covariance


def _planes(
    truth: Videos, prediction: Videos, flavour: ssim.Flavour, seed: int
) -> Iterator[Iterator[tuple[Windows, Windows]]]:
    """Yield, for one colour of one frame after another, its windows of truths and predictions, a few at a time."""
    first = checked(truth[0], prediction[0])[0]
    for side in (truth, prediction):
        for clip in range(len(side)):
            checked(side[clip], first)
    n_frames, height, width, _ = first.shape
    ssim.check_size(height, width, flavour)
    size = len(flavour.taps)
    generator = np.random.default_rng(seed)
    inside = (np.arange(size)[:, None] * width + np.arange(size)).ravel()
    n_at_once = max(1, MEMORY_BYTES // (4 * inside.size * (len(truth) + len(prediction))))

    def cut(frame: int, pixels: NDArray[np.int64], channels: tuple[int, ...]) -> Iterator[tuple[Windows, Windows]]:
        for start in range(0, len(pixels), n_at_once):
            values = [3 * pixels[start : start + n_at_once] + channel for channel in channels]
            yield _windows(truth, frame, values, flavour), _windows(prediction, frame, values, flavour)

    for frame in range(n_frames):
        tops, lefts = places.spread(height - size + 1, width - size + 1, N_WINDOWS, generator)
        pixels = (tops * width + lefts)[:, None] + inside
        for channels in [(0, 1, 2)] if flavour.grey else [(0,), (1,), (2,)]:
            yield cut(frame, pixels, channels)


def _windows(videos: Videos, frame: int, values: list[NDArray[np.int64]], flavour: ssim.Flavour) -> Windows:
    """Cut windows from one frame of all clips.

    Args:
        videos: n_clips clips.
        frame: its index.
        values: where they lie in the flat frame, an array (n_windows, n_taps) for each colour that counts.
        flavour: of the SSIM.
    """
    weights = np.outer(flavour.taps, flavour.taps).ravel()
    centred = np.empty((len(values[0]), len(videos), weights.size), np.float32)
    for clip in range(len(videos)):
        flat = np.asarray(videos[clip][frame]).reshape(-1)
        if flavour.grey:
            shares = [
                np.take(flat, where) * np.float32(w / 255) for where, w in zip(values, ssim.GREY_WEIGHTS, strict=True)
            ]
            centred[:, clip] = sum(shares)
        else:
            centred[:, clip] = np.take(flat, values[0])
    mean = centred @ weights.astype(np.float32)
    centred -= mean[..., None]
    centred *= np.sqrt(weights).astype(np.float32)
    return Windows(centred, mean, mean * mean, np.einsum("wnt,wnt->wn", centred, centred))
