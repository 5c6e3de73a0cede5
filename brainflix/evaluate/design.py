"""Who meets whom, and what is one block of film: what all numbers of a table share (docs/scoring.md, Chance).

By film, where segments and onsets are known: circular shifts within segments. By blocks, where clips are said to hang
together: one rotation of all. Apart, where nothing is known: permutations of single clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.bootstrap import BLOCK_S, Method, block_clusters
from brainflix.evaluate.permutations import circular_orders, met_by, permutation_blocks
from brainflix.scratch import give_back, zeros

Ints = NDArray[np.int64]
Orders = NDArray[np.int32]
PERMUTATIONS = 10_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person chooses of a design.

    Attributes:
        permutations: of the test at most; 0 for none.
        block_s: seconds of film that are one block, where segments and onsets are known.
        min_shift_s: smallest shift within a segment, in seconds.
        block: clips that are one block, where they are not.
        n_boot, method: of the bootstrap's intervals.
        seed: of permutations, sampled places and bootstrap.
    """

    permutations: int = PERMUTATIONS
    block_s: float = BLOCK_S
    min_shift_s: float = BLOCK_S
    block: int = 1
    n_boot: int = 10_000
    method: Method = "percentile"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Design:
    """The permutations of a table, and its blocks.

    Attributes:
        floor: array of shape (n_floor, n_clips), permutations for the chance level, none of them with a true pair.
        test: array of shape (n_test, n_clips), those for p, maybe on disk; the very array of `floor` where both are
            made of the same.
        clusters: array of shape (n_clips,), block of each clip, for intervals.
        together: whether clips lie in film or in blocks, so that none is exchanged alone.
        said: what they are, for a reader.
        settings: what they were made from.
    """

    floor: Orders
    test: Orders
    clusters: Ints
    together: bool
    said: str
    settings: Settings

    @property
    def n_clips(self) -> int:
        """How many clips there are."""
        return len(self.clusters)

    @property
    def permutes(self) -> bool:
        """Whether clips meet others at all."""
        return len(self.floor) > 0

    def strangers(self, clips: Ints) -> NDArray[np.bool_]:
        """Return which truths some predictions meet for the chance level, (len(clips), n_clips)."""
        return met_by(self.floor[:, clips], clips, self.n_clips)


def by_film(
    segment: Sequence[str] | NDArray[Any], onset_s: NDArray[Any], settings: Settings, rank: Ints | None = None
) -> Design:
    """Shift clips within their segments; where a segment is too short for two shifts, fall back on blocks of clips.

    Args:
        segment: n_clips names; clips stand in the order of the film.
        onset_s: array of shape (n_clips,), seconds from the segment's start.
        settings: what is chosen.
        rank: array of shape (n_clips,), order by content for clips that turn out to lie apart; None takes their own.

    Raises:
        DataError: the segments are too short, and the clips too few for two blocks.
    """
    names, onset_s = np.asarray(segment), np.asarray(onset_s, np.float64)
    clusters = block_clusters(names, onset_s, settings.block_s)
    n, shift = len(names), _shift(names, onset_s, settings.min_shift_s)
    sizes = np.unique(names, return_counts=True)[1]
    if n < 2 or not settings.permutations:
        return _nothing(clusters, together=True, settings=settings)
    if sizes.min() >= 2 * shift:
        orders = circular_orders(
            names, min_shift=shift, n_draws=settings.permutations, seed=settings.seed, onset_s=onset_s
        )
        said = f"shifts of {settings.min_shift_s:g} s or more within {len(sizes)} segments"
        return Design(orders, orders, clusters, True, said, settings)
    block = longest_block(names, onset_s, settings.block_s)
    if block == 1:
        return apart(np.arange(n) if rank is None else rank, settings)
    return by_blocks(n, block, settings, clusters)


def by_blocks(n: int, block: int, settings: Settings, clusters: Ints | None = None) -> Design:
    """Rotate all clips against themselves by a block at least; they keep their order.

    Args:
        n: clips, in the order of the film.
        block: clips of one block.
        settings: what is chosen.
        clusters: array of shape (n,), block of each clip; None counts `block` clips each.

    Raises:
        UsageError: the block is not possible.
        DataError: too few clips for two blocks.
    """
    if block < 1:
        raise UsageError(f"blocks of {block} clips are not possible")
    if n < 2 * block and settings.permutations:
        what, advice = f"{n} clips are too few for blocks of {block}", "ask for 0 permutations: no chance, no p"
        raise DataError(what, why="at least two blocks are needed", next=advice)
    clusters = np.arange(n) // block if clusters is None else clusters
    if n < 2 or not settings.permutations:
        return _nothing(clusters, together=True, settings=settings)
    own = np.arange(n, dtype=np.int64)
    floor = _rotations(own, np.arange(block, n - block + 1))
    test = circular_orders(np.zeros(n), min_shift=block, n_draws=settings.permutations, seed=settings.seed)
    return Design(floor, test, clusters, True, f"rotations by {block} clips or more", settings)


def apart(rank: NDArray[np.integer[Any]], settings: Settings, folder: Path | None = None) -> Design:
    """Permute single clips, which know nothing of each other.

    Args:
        rank: array of shape (n_clips,), a permutation. It should depend on what clips show and not on their names:
            then names change no number.
        settings: what is chosen.
        folder: takes the permutations, which have room there; None holds them in memory.
    """
    place = np.asarray(rank, np.int64)
    n = len(place)
    if n < 2 or not settings.permutations:
        return _nothing(place, together=False, settings=settings)
    at = np.argsort(place).astype(np.int32)
    # A clip after another, as they are read.
    met = zeros((n, settings.permutations), np.int32, folder)
    for draws, orders in permutation_blocks(n, settings.permutations, np.random.default_rng(settings.seed)):
        met[:, draws] = at[orders[:, place]].T
        give_back(met)
    floor = _rotations(place, np.arange(1, n))
    return Design(floor, met.T, place, False, "permutations of single clips", settings)


def longest_block(segment: Sequence[str] | NDArray[Any], onset_s: NDArray[Any], block_s: float) -> int:
    """Return how many clips the fullest block of `block_s` seconds holds (docs/scoring.md, Intervals).

    Where blocks differ, the fullest is the safe one: no rotation moves a clip by less than a block.
    """
    return int(np.bincount(block_clusters(segment, onset_s, block_s)).max())


def _shift(names: NDArray[Any], onset_s: NDArray[np.float64], min_shift_s: float) -> int:
    """Return the smallest shift in clips, of clips as far from each other as those of the film are."""
    steps = [np.diff(np.sort(onset_s[names == name])) for name in np.unique(names)]
    every = np.concatenate(steps)
    spacing = float(np.median(every)) if every.size else 0.0
    # Clips without a neighbour have no shift; the fallback is theirs.
    return max(1, round(min_shift_s / spacing)) if spacing > 0 else len(names) + 1


def _rotations(place: Ints, shifts: Ints) -> Orders:
    """Return the truths that all predictions meet in each rotation of the places (n_clips,), (n_shifts, n_clips)."""
    at = np.argsort(place).astype(np.int32)
    met: Orders = at[(place + shifts[:, None]) % len(at)]
    return met


def _nothing(clusters: NDArray[Any], *, together: bool, settings: Settings) -> Design:
    none = np.empty((0, len(clusters)), np.int32)
    return Design(none, none, np.asarray(clusters, np.int64), together, "no permutations", settings)
