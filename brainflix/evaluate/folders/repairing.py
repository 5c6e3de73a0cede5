"""Re-pairings of clips that no data set describes: for the mismatched floor, and for its permutation test."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.motion import magnitude_matched_orders, time_reversal_test
from brainflix.evaluate.repairing import (
    Repaired,
    circular_orders,
    mismatched_means,
    mismatched_pairs,
    random_orders,
    repairing_null,
    repairing_test,
)

Floats = NDArray[np.float64]
Orders = NDArray[np.int32]
# Deciles of true speed, fewer where they would hold fewer than two clips.
SPEED_BINS = 10


@dataclass(frozen=True, eq=False)
class Repairing:
    """What is re-paired, and how clips hang together.

    Attributes:
        floor: array of shape (n_orders, n_clips), re-pairings without any true pair, for the chance level.
        test: array of shape (n_draws, n_clips), re-pairings for the p value.
        clusters: array of shape (n_clips,), cluster of each clip for intervals.
    """

    floor: Orders
    test: Orders
    clusters: NDArray[np.int64]

    @cached_property
    def mismatched(self) -> NDArray[np.bool_]:
        """Which (prediction, truth) the floor is made of, (n_clips, n_clips)."""
        return mismatched_pairs(self.floor)


def make_repairing(rank: NDArray[np.integer[Any]], *, block: int, n_draws: int = 10_000, seed: int = 0) -> Repairing:
    """Choose the re-pairings (metrics spec 3.3).

    The floor is the mean over every mismatched pair that is not of one block. Clips that are independent of each other
    (block 1) are permuted for p, in the order of `rank`, which should depend on what they show and not on their names:
    then names change no number. Clips in blocks keep their order, and are rotated by a block at least.

    Args:
        rank: array of shape (n_clips,), a permutation.
        block: clips of one stimulus block, 1 for clips that are independent.
        n_draws: permutations at most; 0 for no re-pairing.
        seed: of the draws.

    Raises:
        UsageError: the block or the number of draws is not possible.
        DataError: too few clips for blocks of that size.
    """
    n = len(rank)
    own = np.arange(n)
    if block < 1 or n_draws < 0:
        raise UsageError(f"blocks of {block} clips and {n_draws} re-pairings are not possible")
    if block > 1 and n < 2 * block:
        raise DataError(f"{n} clips are too few for blocks of {block}", why="at least two blocks are needed")
    place = own if block > 1 else np.asarray(rank)
    clusters = np.asarray(own // block if block > 1 else place, np.int64)
    if n < 2 or not n_draws:
        none = np.empty((0, n), np.int32)
        return Repairing(none, none, clusters)
    rotations = circular_orders(np.zeros(n), min_shift=block, n_draws=n)
    if block == 1:
        test = _by_clip(random_orders(n, n_draws=n_draws, seed=seed), place)
    else:
        test = circular_orders(np.zeros(n), min_shift=block, n_draws=n_draws, seed=seed)
    return Repairing(_by_clip(rotations, place), test, clusters)


def repaired(matrix: Floats, repairing: Repairing, *, higher_is_better: bool = True) -> Repaired:
    """Return the chance level, from mismatched pairs only, and the p of the re-pairing test.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        repairing: how to re-pair.
        higher_is_better: False for errors.
    """
    tested = repairing_test(matrix, repairing.test, higher_is_better=higher_is_better)
    return replace(tested, chance=defined_mean(repairing_null(matrix, repairing.floor)))


def matched(matrix: Floats, speed: Floats, *, n_draws: int, seed: int) -> Repaired:
    """Return chance and p of re-pairing among clips of nearly the same true speed (metrics spec 3.3).

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j; higher is better.
        speed: array of shape (n_clips,), mean true speed.
        n_draws: re-pairings.
        seed: of the draws.
    """
    n_bins = min(SPEED_BINS, len(speed) // 2)
    orders = magnitude_matched_orders(speed, n_bins=n_bins, n_draws=n_draws, seed=seed)
    chance = defined_mean(mismatched_means(matrix, mismatched_pairs(orders)))
    return replace(repairing_test(matrix, orders), chance=chance)


def signs(values: Floats, clusters: NDArray[np.int64]) -> Repaired:
    """Return p of an exact sign test of values (n_clips,) against 0 over clusters; nothing is re-paired."""
    tested = time_reversal_test(values, np.zeros_like(values), clusters)
    return Repaired(defined_mean(values), math.nan, math.nan, tested.p, 0)


def _by_clip(orders: Orders, place: NDArray[np.integer[Any]]) -> Orders:
    """Turn orders of places into orders of clips; `place` says where each clip stands."""
    at = np.argsort(place).astype(np.int32)
    return at[orders[:, place]]
