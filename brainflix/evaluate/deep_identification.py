"""Two-way identification and correlation distance on deep features of frames, within bounded memory.

Features are the user's (AlexNet, Inception, CLIP, ...); frames are compared within the same frame index
(docs/scoring.md, Deep identification). Layers near the pixels have up to 200,000 dims, so features are read block
by block and never converted whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.identification import first_equal
from brainflix.evaluate.pixels import clip_means
from brainflix.evaluate.targets_metrics import pattern_correlation

Floats = NDArray[np.float64]


def deep_identification(
    truth: NDArray[Any],
    prediction: NDArray[Any],
    clusters: NDArray[Any] | None = None,
    *,
    memory_bytes: int = 2**28,
) -> tuple[Floats, int]:
    """Return how often a prediction correlates more with its own true clip than with another one's; ties lose.

    r[i, j] is Pearson's correlation of the features of true clip i and prediction j; the score of j is
    #{i : r[i, j] < r[j, j]} / (number of i), per frame index, then the mean over frame indices. Chance is 0.5.

    Args:
        truth: array of shape (n_clips, n_frames, n_dims), features of the true frames.
        prediction: array of the same shape.
        clusters: optional array of shape (n_clips,), stimulus block of each clip; clips of the same block, which share
            scenes, are then no distractors.
        memory_bytes: bound for the working arrays; the result does not depend on it beyond rounding.

    Returns:
        Array of shape (n_clips,), and the number of undefined (clip, frame) entries. An entry is undefined where the
        clip's own correlation is, or where no distractor is left; constant features have no correlation, and true
        clips that have none are no distractors.

    Raises:
        DataError: the shapes do not match, or there are fewer than two clips.
    """
    _check(truth, prediction)
    n_clips, n_frames, _ = truth.shape
    if n_clips < 2:
        raise DataError(f"{n_clips} clip cannot be told from others")
    if clusters is not None and clusters.shape != (n_clips,):
        raise DataError(f"clusters of shape {clusters.shape} do not go with {n_clips} clips")
    values = np.empty((n_clips, n_frames))
    for frame in range(n_frames):
        values[:, frame] = _one_frame(truth[:, frame], prediction[:, frame], clusters, memory_bytes)
    return clip_means(values)


def correlation_distance(
    truth: NDArray[Any], prediction: NDArray[Any], *, memory_bytes: int = 2**28
) -> tuple[Floats, int]:
    """Return 1 - Pearson's r between the features of each frame and its prediction, mean over frames; lower is better.

    The distance that is reported with EfficientNet and SwAV features.

    Args:
        truth: array of shape (n_clips, n_frames, n_dims).
        prediction: array of the same shape.
        memory_bytes: bound for the working arrays.

    Returns:
        Array of shape (n_clips,), NaN where no frame is defined, and the number of undefined (clip, frame) entries.

    Raises:
        DataError: the shapes do not match.
    """
    _check(truth, prediction)
    n_clips, n_frames, n_dims = truth.shape
    rows = max(1, memory_bytes // (64 * n_dims))
    mean, sd = np.zeros(n_dims), np.ones(n_dims)
    values = np.empty((n_clips, n_frames))
    for frame in range(n_frames):
        for start in range(0, n_clips, rows):
            here = slice(start, start + rows)
            values[here, frame] = 1.0 - pattern_correlation(truth[here, frame], prediction[here, frame], mean, sd)
    return clip_means(values)


def frame_correlations(truth: NDArray[Any], prediction: NDArray[Any], *, memory_bytes: int = 2**28) -> Iterator[Floats]:
    """Yield, for each frame index, Pearson's r of every prediction with every true clip, for permutation.

    Args:
        truth: array of shape (n_clips, n_frames, n_dims), features of the true frames.
        prediction: array of the same shape.
        memory_bytes: bound for the working arrays.

    Yields:
        Arrays of shape (n_clips, n_clips), prediction by truth, NaN where a frame's features are constant.

    Raises:
        DataError: the shapes do not match.
    """
    _check(truth, prediction)
    for frame in range(truth.shape[1]):
        yield np.concatenate([r for _, r in _strips(truth[:, frame], prediction[:, frame], memory_bytes)])


def _one_frame(truth: NDArray[Any], prediction: NDArray[Any], clusters: NDArray[Any] | None, memory: int) -> Floats:
    """Return the score of each prediction for one frame index, (n_clips,)."""
    n = len(truth)
    result = np.empty(n)
    for here, r in _strips(truth, prediction, memory):
        own = r[np.arange(len(here)), here][:, None]
        allowed = ~np.isnan(r)
        allowed[np.arange(len(here)), here] = False
        if clusters is not None:
            allowed &= clusters[here, None] != clusters
        n_allowed = allowed.sum(axis=1)
        defined = (n_allowed > 0) & ~np.isnan(own[:, 0])
        beaten = ((r < own) & allowed).sum(axis=1)
        result[here] = np.divide(beaten, n_allowed, out=np.full(len(here), np.nan), where=defined)
    return result


def _strips(truth: NDArray[Any], prediction: NDArray[Any], memory: int) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield some predictions of one frame index and their r with every truth, (n_some, n_clips), until all are done."""
    n = len(truth)
    # Half of the memory for a strip of the matrix and its comparisons, half for the centred dims that it is made from.
    rows = int(np.clip(memory // (2 * 24 * n), 1, n))
    dims = int(np.clip(memory // (2 * 16 * (n + rows)), 1, truth.shape[1]))
    own_truth, own_prediction = _moments(truth, dims), _moments(prediction, dims)
    # Equal true clips must tie to the last bit, wherever a matrix product puts them.
    same = first_equal(truth)
    for start in range(0, n, rows):
        here = np.arange(start, min(start + rows, n))
        r = np.zeros((len(here), n))
        for first in range(0, truth.shape[1], dims):
            part = slice(first, first + dims)
            r += _unit(prediction[here, part], own_prediction, here) @ _unit(truth[:, part], own_truth, slice(None)).T
        yield here, r[:, same]


def _moments(features: NDArray[Any], dims: int) -> tuple[Floats, Floats]:
    """Return mean and norm about the mean of each row, two arrays of shape (n, 1), the norm NaN for constant rows."""
    n, n_dims = features.shape
    parts = [slice(first, first + dims) for first in range(0, n_dims, dims)]
    mean = sum((features[:, part].sum(axis=1, keepdims=True, dtype=np.float64) for part in parts), np.zeros((n, 1)))
    mean = mean / n_dims
    squares, constant = np.zeros((n, 1)), np.ones((n, 1), dtype=bool)
    for part in parts:
        chunk = features[:, part].astype(np.float64)
        constant &= (chunk == features[:, :1]).all(axis=1, keepdims=True)
        chunk -= mean
        squares += np.square(chunk, out=chunk).sum(axis=1, keepdims=True)
    return mean, np.where(constant, np.nan, np.sqrt(squares))


def _unit(part: NDArray[Any], moments: tuple[Floats, Floats], rows: NDArray[np.intp] | slice) -> Floats:
    mean, norm = moments
    unit = part.astype(np.float64)
    unit -= mean[rows]
    unit /= norm[rows]
    return unit


def _check(truth: NDArray[Any], prediction: NDArray[Any]) -> None:
    if truth.ndim != 3 or truth.shape != prediction.shape or not truth.size:
        what = f"features of shape {truth.shape} and {prediction.shape} do not match"
        raise DataError(what, why="need (n_clips, n_frames, n_dims) twice")
