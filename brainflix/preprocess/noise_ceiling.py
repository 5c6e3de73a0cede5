"""How much of each grayordinate's response can be predicted at all, from the spread over repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]


def ncsnr(responses: NDArray[Any], *, column_tile: int = 4096) -> Floats:
    """Return the noise-ceiling signal-to-noise ratio of each grayordinate (Natural Scenes Dataset, GLMsingle).

    Noise variance is the mean over clips of the variance over repeats (ddof 1); signal variance is what remains of the
    single-trial variance over all trials (ddof 1), at least 0; the result is the root of their ratio.

    Args:
        responses: array of shape (n_clips, n_repeats, n_grayordinates); NaN marks a missing repeat.
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
        out[part] = _tile_ncsnr(tile)
    return out


def _tile_ncsnr(tile: Floats) -> Floats:
    given = np.isfinite(tile)
    repeats = given.sum(axis=1)  # (n_clips, n_tile)
    twice = repeats >= 2
    mean = np.divide(np.where(given, tile, 0.0).sum(axis=1), np.maximum(repeats, 1))
    within = np.where(given, tile - mean[:, None], 0.0)
    variance = (within**2).sum(axis=1) / np.maximum(repeats - 1, 1)
    noise = _mean_where(variance, twice)
    trials = repeats.sum(axis=0)
    grand = np.where(given, tile, 0.0).sum(axis=(0, 1)) / np.maximum(trials, 1)
    total = (np.where(given, tile - grand, 0.0) ** 2).sum(axis=(0, 1)) / np.maximum(trials - 1, 1)
    # Differences at the level of rounding are no signal: a column that only repeats noise must come out 0, not 1e-8.
    signal = np.maximum(0.0, total - noise)
    signal[signal < 1e-12 * total] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(signal / noise), np.float64)


def _mean_where(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """Mean over axis 0 of the entries marked in `where`; NaN in columns without any."""
    count = where.sum(axis=0)
    total = np.where(where, values, 0.0).sum(axis=0)
    out: Floats = np.full(total.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


def noise_ceiling(snr: NDArray[Any], n_repeats: int | NDArray[Any]) -> Floats:
    """Return the percentage of variance of repeat-averaged responses that is signal: 100 s^2 / (s^2 + 1/n).

    Args:
        snr: array of shape (n_grayordinates,) from `ncsnr`.
        n_repeats: repeats averaged; an array of shape (n_clips,) if they differ, then 1/n is the mean of 1/n_i.

    Returns:
        Array of shape (n_grayordinates,), percent; its `pearson_ceiling` bounds the correlation.

    Raises:
        DataError: if a number of repeats is below 1.
    """
    counts = np.asarray(n_repeats, np.float64)
    if counts.size == 0 or not (counts >= 1).all():
        raise DataError("every clip must have at least one repeat")
    inverse = float((1.0 / counts).mean())
    snr = np.asarray(snr, np.float64)
    # s^2 / (s^2 + 1/n) written so that an infinite ratio gives 100, not NaN.
    with np.errstate(divide="ignore"):
        return np.asarray(100.0 / (1.0 + inverse / snr**2), np.float64)


def pearson_ceiling(percent: NDArray[Any]) -> Floats:
    """Return the largest correlation that a perfect model reaches, sqrt(percent / 100), array of the same shape."""
    return np.asarray(np.sqrt(np.asarray(percent, np.float64) / 100.0), np.float64)
