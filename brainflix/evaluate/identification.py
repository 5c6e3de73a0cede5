"""Identification and retrieval of targets: similarity matrices, exact n-way and top-k scores in both directions.

A similarity matrix has predictions (decoded from the brain) in rows and stimuli in columns. `brain_to_stim` ranks the
stimuli for each prediction (rows); `stim_to_brain` ranks the predictions for each stimulus (columns). Two code bases of
the field have these names swapped (docs/scoring.md, Retrieval).
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.nway import Counts, Floats, Ints, Ties, accuracy, ranks

Direction = Literal["brain_to_stim", "stim_to_brain"]
Kind = Literal["pearson", "cosine"]
DIRECTIONS: tuple[Direction, ...] = ("brain_to_stim", "stim_to_brain")


def standardise(values: NDArray[Any], mean: NDArray[Any], sd: NDArray[Any] | None = None) -> Floats:
    """Return values minus the training mean and, where given, over the training sd.

    Args:
        values: array of shape (n_clips, n_dims).
        mean: array of shape (n_dims,), of the training targets.
        sd: array of shape (n_dims,), of the training targets; dims with sd 0 carry nothing and become 0.
    """
    centred: Floats = np.asarray(values, np.float64) - mean
    if sd is not None:
        varies = np.broadcast_to(sd > 0, centred.shape)
        centred = np.divide(centred, sd, out=np.zeros_like(centred), where=varies)
    return centred


def similarity(prediction: NDArray[Any], truth: NDArray[Any], kind: Kind = "pearson") -> Floats:
    """Return the similarity of every prediction with every stimulus; standardise both first.

    Args:
        prediction: array of shape (n_predictions, n_dims).
        truth: array of shape (n_stimuli, n_dims).
        kind: "pearson" over dims, or "cosine".

    Returns:
        Array of shape (n_predictions, n_stimuli); a row or column of NaN where a vector has no direction. Equal
        vectors have equal similarities to the last bit, so that clips with the same target tie.
    """
    if kind not in ("pearson", "cosine"):
        raise UsageError(f"unknown similarity {kind!r}", next="use pearson or cosine")
    if prediction.ndim != 2 or truth.ndim != 2 or prediction.shape[1] != truth.shape[1]:
        raise DataError(f"predictions {prediction.shape} and truth {truth.shape} are not both (n, same n_dims)")
    matrix = _unit(prediction, kind) @ _unit(truth, kind).T
    # A matrix product rounds equal columns differently by their place, and rounding must not break ties.
    rows, columns = first_equal(prediction), first_equal(truth)
    repeated = (rows != np.arange(len(rows))).any() or (columns != np.arange(len(columns))).any()
    return matrix[np.ix_(rows, columns)] if repeated else matrix


def retrieval_chance(k: int, gallery: int) -> float:
    """Return the top-k chance level in a gallery, k / gallery."""
    return min(k / gallery, 1.0)


def identification_matrix(
    similarities: Floats, n: int = 2, k: int = 1, direction: Direction = "brain_to_stim", ties: Ties = "fair"
) -> Floats:
    """Return the n-way top-k accuracy if prediction i were paired with stimulus j, for the permutation test.

    Returns:
        Array of shape (n_clips, n_clips), predictions by stimuli; its diagonal is the score of the true pairing.
    """
    above, equal = ranks(queries_in_rows(similarities, direction))
    matrix = accuracy(Counts(above, equal - 1, len(similarities) - 1), n, k, ties)
    return matrix if direction == "brain_to_stim" else matrix.T


def first_equal(values: NDArray[Any]) -> Ints:
    """Return for each row the index of the first row that is equal to it, (n_rows,)."""
    first: dict[bytes, int] = {}
    # Digests, since rows of deep features are large.
    digests = (hashlib.blake2b(row.tobytes()).digest() for row in values)
    return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], np.int64)


def queries_in_rows(similarities: Floats, direction: Direction) -> Floats:
    """Return a square similarity matrix with the asking side in rows, or raise if it cannot be ranked.

    Raises:
        DataError: not square, or a similarity is NaN.
        UsageError: no such direction.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"unknown direction {direction!r}", next=f"use one of {', '.join(DIRECTIONS)}")
    if similarities.ndim != 2 or similarities.shape[0] != similarities.shape[1]:
        raise DataError(f"identification needs a square matrix, not {similarities.shape}")
    if np.isnan(similarities).any():
        raise DataError("a similarity is NaN", why="a prediction or a target is constant")
    return similarities if direction == "brain_to_stim" else similarities.T


def _unit(values: NDArray[Any], kind: Kind) -> Floats:
    vectors = np.asarray(values, np.float64)
    if kind == "pearson":
        vectors = vectors - vectors.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Centring a constant vector leaves rounding noise, whose direction must not count.
    floor = 1e-12 * np.abs(values).max(axis=1, keepdims=True) * np.sqrt(vectors.shape[1])
    directed = np.broadcast_to(norm > floor, vectors.shape)
    unit: Floats = np.divide(vectors, norm, out=np.full_like(vectors, np.nan), where=directed)
    return unit
