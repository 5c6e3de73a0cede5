"""Means and matrices of embeddings and deep features, (n_clips, n_frames, n_dims), of every video set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import identification
from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.metric import Measured
from brainflix.evaluate.permutations import mean_matrix
from brainflix.evaluate.scene import PREDICTION, TRUTH

Floats = NDArray[np.float64]
Sets = Mapping[str, NDArray[Any]]
Matrices = Callable[[NDArray[Any], NDArray[Any]], Iterable[Floats]]


def others_of(sets: Sets) -> dict[str, NDArray[Any]]:
    """Return the video sets that are neither truth nor prediction."""
    return {name: values for name, values in sets.items() if name not in (TRUTH, PREDICTION)}


def frame_cosine(sets: Sets, design: Design) -> Measured:
    """Score by the cosine of each frame with the true one, mean over frames."""
    return of_matrices(sets, design, _frame_cosines)


def pooled_cosine(sets: Sets, design: Design) -> Measured:
    """Score by the cosine of the means over frames (docs/scoring.md, CLIP score)."""
    return of_matrices(sets, design, _pooled_cosines)


def own_pooled_cosine(truth: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    """Return each clip's own cosine of the means over frames, array of shape (n_clips,), NaN where it has none."""
    return np.diagonal(mean_matrix(_pooled_cosines(truth, prediction), shape_of(truth))).copy()


def of_matrices(sets: Sets, design: Design, matrices: Matrices) -> Measured:
    """Score by matrices (n_clips, n_clips), prediction by truth, of which the mean counts; undefined ones are counted.

    Args:
        sets: embeddings by video set.
        design: who meets whom.
        matrices: of a truth and a prediction.
    """
    truth, n_nan = sets[TRUTH], 0

    def counted() -> Iterable[Floats]:
        nonlocal n_nan
        for each in matrices(truth, sets[PREDICTION]):
            n_nan += int(np.isnan(np.diagonal(each)).sum())
            yield each

    matrix = mean_matrix(counted(), shape_of(truth))
    own = {
        name: np.diagonal(mean_matrix(matrices(truth, values), shape_of(truth))).copy()
        for name, values in others_of(sets).items()
    }
    own[PREDICTION] = np.diagonal(matrix).copy()
    return Measured(own, permuted(matrix, design), n_nan)


def shape_of(truth: NDArray[Any]) -> tuple[int, int]:
    """Return the shape of a matrix of all pairings."""
    return len(truth), len(truth)


def _frame_cosines(truth: NDArray[Any], prediction: NDArray[Any]) -> Iterable[Floats]:
    """Yield (n_clips, n_clips), prediction by truth, for each frame index."""
    for frame in range(truth.shape[1]):
        yield identification.similarity(prediction[:, frame], truth[:, frame], "cosine")


def _pooled_cosines(truth: NDArray[Any], prediction: NDArray[Any]) -> Iterable[Floats]:
    predicted, true = (np.asarray(each, np.float64).mean(axis=1) for each in (prediction, truth))
    yield identification.similarity(predicted, true, "cosine")
