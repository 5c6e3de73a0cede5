"""Retrieval of the own stimulus, and random permutations of clips, made of what the scorer uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.identification import Direction, identification_matrix
from brainflix.evaluate.nway import Ties
from brainflix.evaluate.permutations import Permuted, from_null, permutation_blocks


def retrieval(
    similarities: NDArray[Any],
    k: int,
    direction: Direction = "brain_to_stim",
    ties: Ties = "fair",
    gallery: int | None = None,
) -> NDArray[np.float64]:
    """Return per query the probability that its own match is among the k best of a gallery, or of all clips."""
    return np.diagonal(identification_matrix(similarities, gallery or len(similarities), k, direction, ties))


def random_orders(n_clips: int, *, n_draws: int, seed: int = 0) -> NDArray[np.int32]:
    """Draw plain permutations, (n_draws, n_clips); a clip may meet its own truth."""
    blocks = permutation_blocks(n_clips, n_draws, np.random.default_rng(seed))
    return np.concatenate([orders for _, orders in blocks])


def by_orders(matrix: NDArray[Any], orders: NDArray[np.integer[Any]], *, higher_is_better: bool = True) -> Permuted:
    """Return p of the mean of the matrix's diagonal against those that permutations (n_draws, n_clips) give."""
    null = np.array([np.nanmean(matrix[np.arange(len(matrix)), order]) for order in orders])
    return from_null(float(np.nanmean(np.diagonal(matrix))), null, higher_is_better=higher_is_better)
