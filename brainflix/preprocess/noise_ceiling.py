"""How much of each grayordinate's response can be predicted at all, from the spread over repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]


def ncsnr(responses: NDArray[Any], *, total_ddof: int = 1, column_tile: int = 4096) -> Floats:
    """Return the noise-ceiling signal-to-noise ratio of each grayordinate (Natural Scenes Dataset, GLMsingle).

    Noise variance is the mean over clips of the variance over repeats (ddof 1); signal variance is what remains of the
    single-trial variance over all trials, at least 0; the result is the root of their ratio.

    Args:
        responses: array of shape (n_clips, n_repeats, n_grayordinates); NaN marks a missing repeat.
        total_ddof: of the variance over all trials; BOLD Moments' code has 0 (docs/datasets.md, Noise ceiling).
        column_tile: columns handled at a time; it bounds memory and does not change the result.

    Returns:
        Array of shape (n_grayordinates,): NaN where no clip has two repeats or nothing varies, inf where repeats are
        equal and clips are not.

    Raises:
        DataError: if the array is not three-dimensional or holds an infinity.
    """
    if responses.ndim != 3:
        raise DataError(f"responses must have shape (n_clips, n_repeats, n_grayordinates), not {responses.shape}")
    out = np.empty(responses.shape[2])
    for start in range(0, out.size, column_tile):
        part = slice(start, start + column_tile)
        tile = np.asarray(responses[:, :, part], np.float64)
        if np.isinf(tile).any():
            raise DataError("responses hold infinite values")
        out[part] = _tile_ncsnr(tile, total_ddof)
    return out


def _tile_ncsnr(tile: Floats, total_ddof: int) -> Floats:
    sums = RepeatSums(tile.shape[2])
    sums.add(tile)
    return sums.ncsnr(total_ddof)


class RepeatSums:
    """What the signal-to-noise ratio needs of repeats, gathered from sets of clips one after the other."""

    def __init__(self, n_columns: int) -> None:
        self._noise, self._clips = np.zeros(n_columns), np.zeros(n_columns)
        self._sum, self._square, self._trials = np.zeros(n_columns), np.zeros(n_columns), np.zeros(n_columns)
        # Sums are taken about a value of each column's own, so that a large mean does not swallow its spread.
        self._about = np.full(n_columns, np.nan)

    def add(self, responses: NDArray[Any], *, column_tile: int = 4096) -> None:
        """Add clips: array of shape (n_clips, n_repeats, n_columns), NaN for a missing repeat."""
        for start in range(0, responses.shape[2], column_tile):
            part = slice(start, start + column_tile)
            tile = np.asarray(responses[:, :, part], np.float64)
            given = np.isfinite(tile)
            count = given.sum(axis=(0, 1))
            mean_of_set = np.where(given, tile, 0.0).sum(axis=(0, 1)) / np.maximum(count, 1)
            self._about[part] = np.where(np.isnan(self._about[part]), mean_of_set, self._about[part])
            tile = tile - self._about[part]
            repeats = given.sum(axis=1)  # (n_clips, n_tile)
            twice = repeats >= 2
            known = np.where(given, tile, 0.0)
            mean = known.sum(axis=1) / np.maximum(repeats, 1)
            within = np.where(given, tile - mean[:, None], 0.0)
            variance = (within**2).sum(axis=1) / np.maximum(repeats - 1, 1)
            self._noise[part] += np.where(twice, variance, 0.0).sum(axis=0)
            self._clips[part] += twice.sum(axis=0)
            self._sum[part] += known.sum(axis=(0, 1))
            self._square[part] += (known**2).sum(axis=(0, 1))
            self._trials[part] += count

    def ncsnr(self, total_ddof: int = 1) -> Floats:
        """Return the ratio of each column as `ncsnr` defines it, (n_columns,)."""
        noise = np.full(self._noise.shape, np.nan)
        np.divide(self._noise, self._clips, out=noise, where=self._clips > 0)
        trials = np.maximum(self._trials, 1)
        total = (self._square - self._sum**2 / trials) / np.maximum(self._trials - total_ddof, 1)
        # Differences at the level of rounding are no signal: a column that repeats noise must come out 0, not 1e-8.
        signal = np.maximum(0.0, total - noise)
        signal[signal < 1e-12 * total] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.sqrt(signal / noise), np.float64)


def repeats_of(responses: NDArray[Any]) -> NDArray[np.int16]:
    """Return the repeats that each clip has in each column, (n_clips, n_columns).

    Args:
        responses: array of shape (n_clips, n_repeats, n_columns), NaN for a missing repeat.
    """
    out = np.empty((len(responses), responses.shape[2]), np.int16)
    for place, clip in enumerate(responses):
        out[place] = np.isfinite(clip).sum(axis=0)
    return out


def noise_ceiling(snr: NDArray[Any], n_repeats: int | NDArray[Any]) -> Floats:
    """Return the percentage of variance of repeat-averaged responses that is signal: 100 s^2 / (s^2 + 1/n).

    Args:
        snr: array of shape (n_grayordinates,) from `ncsnr`.
        n_repeats: repeats averaged; if they differ, an array of shape (n_clips,), or (n_clips, n_grayordinates) from
            `repeats_of`. Then 1/n is the mean of 1/n_i over the clips that have repeats.

    Returns:
        Array of shape (n_grayordinates,), percent; sqrt(percent / 100) bounds the correlation.

    Raises:
        DataError: if a number of repeats is below 1.
    """
    snr = np.asarray(snr, np.float64)
    counts = np.asarray(n_repeats)
    if counts.size == 0 or not (counts >= (1 if counts.ndim < 2 else 0)).all():
        raise DataError("every clip must have at least one repeat")
    # s^2 / (s^2 + 1/n) written so that an infinite ratio gives 100, not NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100.0 / (1.0 + _mean_inverse(counts) / snr**2), np.float64)


def _mean_inverse(counts: NDArray[Any]) -> float | Floats:
    """Return the mean of 1 / n over clips; of (n_clips, n_columns) for each column, NaN where no clip has a repeat."""
    if counts.ndim < 2:
        return float((1.0 / counts.astype(np.float64)).mean())
    total, clips = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for row in counts:
        given = row > 0
        total += np.where(given, 1.0 / np.maximum(row, 1), 0.0)
        clips += given
    return np.asarray(total / clips, np.float64)
