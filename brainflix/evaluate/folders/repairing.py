"""Re-pairings of clips that no data set describes: for the mismatched floor, and for its permutation test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.pairs import pairs_in
from brainflix.evaluate.repairing import Repaired, circular_orders, random_orders, repairing_null, repairing_test

Floats = NDArray[np.float64]
Orders = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Repairing:
    """What is re-paired, and how clips hang together.

    Attributes:
        floor: array of shape (n_orders, n_clips), re-pairings without any true pair, for the chance level.
        test: array of shape (n_draws, n_clips), re-pairings for the p value.
        pairs: array of shape (n_pairs, 2), every (prediction, truth) that they need, the true ones among them.
        clusters: array of shape (n_clips,), cluster of each clip for intervals.
    """

    floor: Orders
    test: Orders
    pairs: NDArray[np.int64]
    clusters: NDArray[np.int64]


def make_repairing(
    rank: NDArray[np.integer[Any]], *, block: int, n_orders: int, n_draws: int = 10_000, seed: int = 0
) -> Repairing:
    """Choose re-pairings whose cost is that of at most `n_orders` orders of all clips (metrics spec 3.3).

    Clips that are independent of each other (block 1) are rotated, and drawn, in the order of `rank`, which should
    depend on what they show and not on their names: then names change no number. Where all pairs are affordable, the
    floor is the mean over all mismatched pairs and p comes from plain permutations. Else both come from a seeded
    subset of rotations. Clips in blocks keep their order, and are rotated by a block at least.

    Args:
        rank: array of shape (n_clips,), a permutation.
        block: clips of one stimulus block, 1 for clips that are independent.
        n_orders: orders at most; 0 for no re-pairing.
        n_draws: permutations of the test where all pairs are affordable.
        seed: of the draws.

    Raises:
        UsageError: the block or the number of orders is not possible.
        DataError: too few clips for blocks of that size.
    """
    n = len(rank)
    own = np.arange(n)
    if block < 1 or n_orders < 0:
        raise UsageError(f"blocks of {block} clips and {n_orders} re-pairings are not possible")
    if block > 1 and n < 2 * block:
        raise DataError(f"{n} clips are too few for blocks of {block}", why="at least two blocks are needed")
    place = own if block > 1 else np.asarray(rank)
    clusters = np.asarray(own // block if block > 1 else place, np.int64)
    if n < 2 or not n_orders:
        none = np.empty((0, n), np.int32)
        return Repairing(none, none, np.stack([own, own], axis=1), clusters)
    rotations = circular_orders(np.zeros(n), min_shift=block, n_draws=n)
    generator = np.random.default_rng(seed)
    if len(rotations) > n_orders:
        chosen = generator.choice(len(rotations), n_orders, replace=False)
        rotations = rotations[np.sort(chosen)]
    exhaustive = block == 1 and len(rotations) == n - 1
    test = random_orders(n, n_draws=n_draws, seed=generator) if exhaustive else rotations
    floor, test = _by_clip(rotations, place), _by_clip(test, place)
    return Repairing(floor, test, pairs_in(floor), clusters)


def repaired(matrix: Floats, repairing: Repairing, *, higher_is_better: bool = True) -> Repaired:
    """Return the chance level, from mismatched pairs only, and the p of the re-pairing test.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j, NaN where not evaluated.
        repairing: what was evaluated.
        higher_is_better: False for errors.
    """
    tested = repairing_test(matrix, repairing.test, higher_is_better=higher_is_better)
    return replace(tested, chance=defined_mean(repairing_null(matrix, repairing.floor)))


def _by_clip(orders: Orders, place: NDArray[np.integer[Any]]) -> Orders:
    """Turn orders of places into orders of clips; `place` says where each clip stands."""
    at = np.argsort(place).astype(np.int32)
    return at[orders[:, place]]
