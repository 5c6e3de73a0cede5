"""Permutations of clips that no data set describes: for the mismatched floor, and for its permutation test."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.motion import magnitude_matched_orders, time_reversal_test
from brainflix.evaluate.permutations import (
    NullSums,
    Permuted,
    circular_orders,
    from_null,
    met_by,
    mismatched_means,
    permutation_blocks,
)
from brainflix.scratch import give_back, zeros

Floats = NDArray[np.float64]
Orders = NDArray[np.int32]
# Deciles of true speed, fewer where they would hold fewer than two clips.
SPEED_BINS = 10


@dataclass(frozen=True, eq=False)
class Repairing:
    """What is permuted, and how clips hang together.

    Attributes:
        place: array of shape (n_clips,), where each clip stands in the rotations that make the chance level.
        shifts: array of shape (n_shifts,), their steps; none of them leaves a clip, or its block, in its place.
        test: array of shape (n_draws, n_clips), permutations for the p value, maybe on disk.
        clusters: array of shape (n_clips,), cluster of each clip for intervals.
    """

    place: NDArray[np.int64]
    shifts: NDArray[np.int64]
    test: Orders
    clusters: NDArray[np.int64]

    @property
    def floor(self) -> Orders:
        """Permutations without any true pair, for the chance level, (n_shifts, n_clips)."""
        return self.rotated(np.arange(len(self.place)))

    @property
    def mismatched(self) -> NDArray[np.bool_]:
        """Which (prediction, truth) the floor is made of, (n_clips, n_clips)."""
        return self.strangers(np.arange(len(self.place)))

    def rotated(self, clips: NDArray[np.int64]) -> Orders:
        """Return the truths that some predictions meet in each rotation, (n_shifts, len(clips))."""
        at = np.argsort(self.place).astype(np.int32)
        met: Orders = at[(self.place[clips] + self.shifts[:, None]) % len(at)]
        return met

    def strangers(self, clips: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which truths some predictions meet in any rotation, (len(clips), n_clips)."""
        return met_by(self.rotated(clips), clips, len(self.place))


class Gathering(Protocol):
    """What becomes chance and p of a metric, from rows of the matrix of all pairings as they come."""

    def add(self, clips: NDArray[np.int64], scores: Floats) -> None:
        """Take the scores of some predictions against all truths, (len(clips), n_clips), each once."""

    def result(self) -> Permuted:
        """Return chance and p."""


class Rotations:
    """Chance from mismatched pairs only, p from the orders of the test."""

    def __init__(self, repairing: Repairing, *, higher_is_better: bool = True) -> None:
        """Begin with no row; errors are better the lower they are."""
        self._repairing, self._higher_is_better = repairing, higher_is_better
        self._own, self._floor = NullSums(1), NullSums(len(repairing.shifts))
        self._test = NullSums(len(repairing.test))

    def add(self, clips: NDArray[np.int64], scores: Floats) -> None:
        """Take some rows."""
        self._own.add(scores, clips[None])
        self._floor.add(scores, self._repairing.rotated(clips))
        _add_rows(self._test, scores, self._repairing.test, clips)

    def result(self) -> Permuted:
        """Return chance and p."""
        observed = float(self._own.means()[0])
        tested = from_null(observed, self._test.means(), higher_is_better=self._higher_is_better)
        return replace(tested, chance=defined_mean(self._floor.means()))


class SameSpeed:
    """Chance and p among clips of nearly the same true speed (docs/scoring.md, Matched speed); higher is better."""

    def __init__(self, speed: Floats, *, n_draws: int, seed: int, folder: Path | None = None) -> None:
        """Draw the permutations.

        Args:
            speed: array of shape (n_clips,), mean true speed.
            n_draws: permutations.
            seed: of the draws.
            folder: takes the draws, which have room there; None holds them in memory.
        """
        n_bins = min(SPEED_BINS, len(speed) // 2)
        self._orders = magnitude_matched_orders(speed, n_bins=n_bins, n_draws=n_draws, seed=seed, folder=folder)
        self._own, self._test = NullSums(1), NullSums(n_draws)
        self._floor: list[Floats] = []

    def add(self, clips: NDArray[np.int64], scores: Floats) -> None:
        """Take some rows."""
        self._own.add(scores, clips[None])
        strangers = met_by(self._orders[:, clips], clips, self._orders.shape[1])
        self._floor.append(mismatched_means(scores, strangers))
        _add_rows(self._test, scores, self._orders, clips)

    def result(self) -> Permuted:
        """Return chance and p."""
        tested = from_null(float(self._own.means()[0]), self._test.means())
        return replace(tested, chance=defined_mean(np.concatenate(self._floor)))


def _add_rows(sums: NullSums, scores: Floats, orders: Orders, clips: NDArray[np.int64]) -> None:
    """Take some rows of a matrix, and let go of what was read of the orders."""
    sums.add(scores, orders[:, clips])
    give_back(orders)


def make_repairing(
    rank: NDArray[np.integer[Any]], *, block: int, n_draws: int = 10_000, seed: int = 0, folder: Path | None = None
) -> Repairing:
    """Choose the permutations (docs/scoring.md, Permutation).

    The floor is the mean over every mismatched pair that is not of one block. Clips that are independent of each other
    (block 1) are permuted for p, in the order of `rank`, which should depend on what they show and not on their names:
    then names change no number. Clips in blocks keep their order, and are rotated by a block at least.

    Args:
        rank: array of shape (n_clips,), a permutation.
        block: clips of one stimulus block, 1 for clips that are independent.
        n_draws: permutations at most; 0 for no permutation.
        seed: of the draws.
        folder: takes the draws, which have room there; None holds them in memory.

    Raises:
        UsageError: the block or the number of draws is not possible.
        DataError: too few clips for blocks of that size.
    """
    n = len(rank)
    own = np.arange(n)
    if block < 1 or n_draws < 0:
        raise UsageError(f"blocks of {block} clips and {n_draws} permutations are not possible")
    if block > 1 and n < 2 * block:
        raise DataError(f"{n} clips are too few for blocks of {block}", why="at least two blocks are needed")
    place = own if block > 1 else np.asarray(rank)
    clusters = np.asarray(own // block if block > 1 else place, np.int64)
    n_shifts = n - 2 * block + 1 if n > 1 and n_draws else 0
    shifts = np.arange(n_shifts, dtype=np.int64) + block
    return Repairing(
        np.asarray(place, np.int64), shifts, _test(place, block, n_draws if n_shifts else 0, seed, folder), clusters
    )


def repaired(matrix: Floats, repairing: Repairing, *, higher_is_better: bool = True) -> Permuted:
    """Return the chance level, from mismatched pairs only, and the p of the permutation test.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        repairing: how to permute.
        higher_is_better: False for errors.
    """
    gathered = Rotations(repairing, higher_is_better=higher_is_better)
    gathered.add(np.arange(len(matrix)), matrix)
    return gathered.result()


def signs(values: Floats, clusters: NDArray[np.int64]) -> Permuted:
    """Return p of an exact sign test of values (n_clips,) against 0 over clusters; nothing is permuted."""
    tested = time_reversal_test(values, np.zeros_like(values), clusters)
    return Permuted(defined_mean(values), math.nan, math.nan, tested.p, 0)


def _test(place: NDArray[np.integer[Any]], block: int, n_draws: int, seed: int, folder: Path | None) -> Orders:
    """Draw the permutations for p, (n_draws, n_clips): permutations of single clips, rotations of blocks."""
    n = len(place)
    if not n_draws:
        return np.empty((0, n), np.int32)
    if block > 1:
        return circular_orders(np.zeros(n), min_shift=block, n_draws=n_draws, seed=seed)
    at = np.argsort(place).astype(np.int32)
    # A clip after another, as they are read.
    met = zeros((n, n_draws), np.int32, folder)
    for draws, orders in permutation_blocks(n, n_draws, np.random.default_rng(seed)):
        met[:, draws] = at[orders[:, place]].T
        give_back(met)
    return met.T
