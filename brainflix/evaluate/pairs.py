"""Pixel scores of many (prediction, truth) pairings at once, for the mismatched floor and its permutation test."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import pixels, ssim

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
FLAVOURS = {"ssim_rgb_u7": ssim.RGB_U7, "ssim_gray_g11": ssim.GRAY_G11}
# Bytes of one clip's working form per byte of its uint8 pixels, rounded up (five float32 arrays; one float64).
EXPANSION = 20


def unique_pairs(orders: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the pairings that a set of orders needs, each once.

    Args:
        orders: array of shape (n_draws, n_clips); orders[d, i] is the truth that prediction i meets in draw d.

    Returns:
        Array of shape (n_pairs, 2), prediction and truth, and array of shape (n_draws, n_clips) of indices into it:
        `values[index].mean(axis=1)` is the null distribution of a mean score.
    """
    n = orders.shape[1]
    codes = np.arange(n, dtype=np.int64) * n + orders
    kept, index = np.unique(codes, return_inverse=True)
    return np.stack(np.divmod(kept, n), axis=1), index.reshape(orders.shape)


def pairs_in(orders: Ints) -> NDArray[np.int64]:
    """Return each (prediction, truth) that orders (n_draws, n_clips) pair, true pairs among them, as (n_pairs, 2)."""
    own = np.arange(orders.shape[1])
    met = np.eye(len(own), dtype=bool)
    met[np.broadcast_to(own, orders.shape), orders] = True
    return np.argwhere(met)


def to_matrix(values: Floats, pairs: Ints, n_clips: int) -> Floats:
    """Return values of pairings as a matrix (n_clips, n_clips), prediction by truth, NaN where not evaluated."""
    matrix = np.full((n_clips, n_clips), np.nan)
    matrix[pairs[:, 0], pairs[:, 1]] = values
    return matrix


def excess(matrix: Floats) -> Floats:
    """Subtract from each row the mean of its mismatched pairs that were evaluated (metrics spec 2.2)."""
    off = matrix.copy()
    np.fill_diagonal(off, np.nan)
    counts = (~np.isnan(off)).sum(axis=1)
    means = np.divide(np.nansum(off, axis=1), counts, out=np.full(len(off), np.nan), where=counts > 0)
    return np.asarray(matrix - means[:, None], np.float64)


def score_pairs(
    metric: str,
    truth: pixels.Videos,
    prediction: pixels.Videos,
    pairs: Ints,
    *,
    workers: int = 1,
    memory_bytes: int = 2**28,
) -> Floats:
    """Score pairings of clips; SSIM in float32, within 1e-5 of the reported value, the others exactly.

    The observed statistic of a permutation test should come from here too (pairs i, i), so that it and its null
    share their rounding.

    Args:
        metric: a name of `pixels.METRICS`.
        truth: n_clips clips.
        prediction: n_clips clips of the same shape.
        pairs: array of shape (n_pairs, 2), index of the prediction and of the truth.
        workers: threads; the result does not depend on it.
        memory_bytes: bound for the working form of the clips held at once.

    Returns:
        Array of shape (n_pairs,), mean over the defined frames, NaN where there is none.

    Raises:
        DataError: clips differ in shape.
        UsageError: no such metric.
    """
    if metric not in pixels.METRICS:
        raise UsageError(f"unknown pixel metric {metric!r}", next=f"use one of {', '.join(pixels.METRICS)}")
    if not len(pairs):
        return np.empty(0)
    first = np.asarray(prediction[int(pairs[0, 0])])
    tile = max(1, memory_bytes // (2 * EXPANSION * first.size))
    result = np.empty(len(pairs))
    with ThreadPoolExecutor(workers) as pool:
        for members in tiles(pairs, tile):
            rows, row = np.unique(pairs[members, 0], return_inverse=True)
            columns, column = np.unique(pairs[members, 1], return_inverse=True)
            left = [pixels.checked(prediction[int(i)], first)[0] for i in rows]
            right = [pixels.checked(truth[int(j)], first)[0] for j in columns]
            score = _score_ssim if metric in FLAVOURS else _score_products
            result[members] = score(metric, left, right, row, column, pool)
    return result


def score_orders(
    metric: str, truth: pixels.Videos, prediction: pixels.Videos, orders: Ints, *, workers: int = 1
) -> Floats:
    """Return the mean score over clips for each re-pairing of predictions with truths.

    Args:
        metric: a name of `pixels.METRICS`.
        truth: n_clips clips.
        prediction: n_clips clips of the same shape.
        orders: array of shape (n_draws, n_clips), the truth that each prediction meets.
        workers: threads; the result does not depend on it.

    Returns:
        Array of shape (n_draws,), the null values of the re-pairing test.
    """
    if orders.ndim != 2 or orders.shape[1] != len(prediction):
        raise DataError(f"orders of shape {orders.shape} do not re-pair {len(prediction)} clips")
    pairs, index = unique_pairs(orders)
    values = score_pairs(metric, truth, prediction, pairs, workers=workers)
    return np.array([np.nanmean(values[draw]) if not np.isnan(values[draw]).all() else np.nan for draw in index])


def tiles(pairs: Ints, tile: int) -> Iterator[NDArray[np.intp]]:
    """Yield the pairs block by block of the prediction-by-truth table, so that a block's clips fit in memory."""
    n_columns = int(pairs[:, 1].max()) // tile + 1
    code = pairs[:, 0] // tile * n_columns + pairs[:, 1] // tile
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _score_ssim(
    metric: str,
    left: list[pixels.Frames],
    right: list[pixels.Frames],
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    pool: ThreadPoolExecutor,
) -> Floats:
    flavour = FLAVOURS[metric]
    a = list(pool.map(lambda clip: ssim.prepare(clip, flavour, np.float32), left))
    b = list(pool.map(lambda clip: ssim.prepare(clip, flavour, np.float32), right))

    def run(some: NDArray[np.intp]) -> Floats:
        return np.array([ssim.compare(a[row[p]], b[column[p]]).mean() for p in some])

    chunks = np.array_split(np.arange(len(row)), max(1, len(row) // 64))
    return np.concatenate(list(pool.map(run, chunks)))


def _score_products(
    metric: str,
    left: list[pixels.Frames],
    right: list[pixels.Frames],
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    pool: ThreadPoolExecutor,
) -> Floats:
    """Score all pairs of a tile from one matrix product per frame; sums of uint8 products are exact in float64."""
    values = np.empty((len(row), len(left[0])))

    def run(frame: int) -> None:
        x = np.stack([clip[frame].ravel() for clip in left]).astype(np.float64)
        y = np.stack([clip[frame].ravel() for clip in right]).astype(np.float64)
        products = (x @ y.T)[row, column]
        xx, yy = np.square(x).sum(axis=1)[row], np.square(y).sum(axis=1)[column]
        if metric == "pixcorr":
            sx, sy, n = x.sum(axis=1)[row], y.sum(axis=1)[column], x.shape[1]
            norm = np.sqrt((n * xx - sx * sx) * (n * yy - sy * sy))
            top = n * products - sx * sy
            values[:, frame] = np.divide(top, norm, out=np.full(len(row), np.nan), where=norm > 0)
        else:
            error = (xx + yy - 2 * products) / x.shape[1]
            values[:, frame] = pixels.decibels(error) if metric == "psnr" else error / 255.0**2

    list(pool.map(run, range(len(left[0]))))
    return pixels.clip_means(values)[0]
