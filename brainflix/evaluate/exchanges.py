"""The group of exchanges that p is made of (docs/scoring.md, Permutations).

Each segment is rotated as a whole, by every shift, its own place and its neighbours among them: only then do rotations
form a group, and p keeps what it promises. Clips that are segments of their own have no rotation and are permuted among
each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.permutations import MOST_COUNTED, NullSums, Permuted, permutation_blocks
from brainflix.scratch import give_back, zeros

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Orders = NDArray[np.int32]
# Sums of the same numbers in another order differ by rounding and must count as equal, whatever the metric's unit.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Exchanges:
    """Rotations of each segment and permutations of single clips, all independent of each other.

    Attributes:
        segments: for each segment of two clips or more, its clips (n_clips_of_it,) in the order of time.
        loose: clips that are segments of their own, (n_loose,), in an order that does not follow from their names.
        most: members of the group that are evaluated at most.
        seed: of the draws, where the group has more.
        folder: takes the permutations of single clips, which have room there; None holds them in memory.
    """

    segments: tuple[Ints, ...]
    loose: Ints
    most: int
    seed: int = 0
    folder: Path | None = field(default=None, repr=False)

    @cached_property
    def n_group(self) -> int:
        """Size of the group: every segment's number of clips, times the orders of single clips."""
        return math.prod(map(len, self.segments)) * math.factorial(len(self.loose))

    @property
    def is_whole(self) -> bool:
        """Whether every member of the group is evaluated, each once; else members are drawn, with replacement."""
        return self.n_group <= self.most

    @property
    def n_evaluated(self) -> int:
        """How many members are evaluated."""
        return self.n_group if self.is_whole else self.most

    @property
    def p_min(self) -> float:
        """Smallest p that can be; NaN where clips cannot be exchanged."""
        if self.n_group < 2 or not self.most:
            return math.nan
        return 1 / self.n_group if self.is_whole else 1 / (1 + self.most)

    def shifts(self, number: int, generator: np.random.Generator) -> Ints:
        """Return how many clips a segment is rotated by, (n_evaluated,).

        Args:
            number: of the segment.
            generator: draws the shifts where the group is not whole; give one generator to all segments in turn.
        """
        size = len(self.segments[number])
        if not self.is_whole:
            return generator.integers(0, size, self.most)
        inner = math.prod(len(each) for each in self.segments[number + 1 :]) * math.factorial(len(self.loose))
        return np.arange(self.n_group) // inner % size

    @cached_property
    def orders(self) -> Orders:
        """The places among single clips that each of them meets, (n_orders, n_loose): all orders, or those drawn."""
        n = len(self.loose)
        if not n:
            return np.zeros((0, 0), np.int32)
        if self.is_whole:
            return np.array(list(permutations(range(n))), np.int32)
        # A clip after another, as they are read.
        met = zeros((n, self.most), np.int32, self.folder)
        for draws, orders in permutation_blocks(n, self.most, np.random.default_rng(self.seed)):
            met[:, draws] = orders.T
            give_back(met)
        turned: Orders = met.T
        return turned

    def order_of_each(self) -> Ints | slice:
        """Return which row of `orders` each member of the group takes, (n_evaluated,), or all in their turn."""
        return np.arange(self.n_group) % len(self.orders) if self.is_whole and self.segments else slice(None)

    def pairs(self, n_clips: int) -> NDArray[np.bool_]:
        """Return which truths a prediction meets in any member that is evaluated, (n_clips, n_clips), itself too."""
        met = np.eye(n_clips, dtype=bool)
        generator = np.random.default_rng([self.seed, 1])
        for number, members in enumerate(self.segments):
            places = np.arange(len(members))
            for shift in np.unique(self.shifts(number, generator)):
                met[members, members[(places + shift) % len(members)]] = True
        for place, clip in enumerate(self.loose):
            met[clip, self.loose[np.unique(self.orders[:, place])]] = True
        return met


class Exchanged:
    """The statistic of every member of a group, from rows of the matrix of all pairings as they come.

    A rotation by k of a segment adds up one diagonal, so one pass over the pairs within segments gives all of them, and
    a member of the group costs one addition a segment.
    """

    def __init__(self, group: Exchanges) -> None:
        """Begin with no row."""
        self._group = group
        self._place = {
            int(clip): (number, place)
            for number, members in enumerate(group.segments)
            for place, clip in enumerate(members)
        }
        self._twice = [np.concatenate([members, members]) for members in group.segments]
        self._sums = [np.zeros(len(members)) for members in group.segments]
        self._counts = [np.zeros(len(members)) for members in group.segments]
        self._loose_place = {int(clip): place for place, clip in enumerate(group.loose)}
        self._loose, self._loose_own = NullSums(len(group.orders)), NullSums(1)
        self._size = self._n_seen = 0.0

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take the scores of some predictions against all truths, (len(clips), n_clips), each once."""
        for clip, row in zip(clips, scores, strict=True):
            if int(clip) in self._place:
                self._add_to_segment(*self._place[int(clip)], row)
            else:
                self._add_loose(self._loose_place[int(clip)], row)
        give_back(self._group.orders)

    def _add_to_segment(self, number: int, place: int, row: Floats) -> None:
        n = len(self._sums[number])
        # Entry k is the truth that a rotation by k brings.
        met = row[self._twice[number][place : place + n]]
        defined = ~np.isnan(met)
        met = np.where(defined, met, 0.0)
        self._sums[number] += met
        self._counts[number] += defined
        self._see(met, defined)

    def _add_loose(self, place: int, row: Floats) -> None:
        met = row[self._group.loose]
        self._loose.add(met[None], self._group.orders[:, place : place + 1])
        self._loose_own.add(met[None], np.array([[place]]))
        self._see(np.nan_to_num(met), ~np.isnan(met))

    def _see(self, met: Floats, defined: NDArray[np.bool_]) -> None:
        self._size += float(np.abs(met).sum())
        self._n_seen += float(defined.sum())

    def result(self, *, higher_is_better: bool | None = True) -> Permuted:
        """Return p, whose chance is not known here.

        Undefined members count as good as the observed one, which is the safe side.

        Args:
            higher_is_better: False for errors, whose small values count; None where no direction is good: no p.
        """
        own = sum(each[0] for each in self._sums) + self._loose_own.sums[0]
        n_own = sum(each[0] for each in self._counts) + self._loose_own.counts[0]
        observed = float(own / n_own) if n_own else math.nan
        group = self._group
        if math.isnan(observed) or math.isnan(group.p_min) or higher_is_better is None:
            return Permuted(observed, math.nan, math.nan)
        null = self._null()
        slack = ROUNDING * self._size / self._n_seen
        worse = null < observed - slack if higher_is_better else null > observed + slack
        n_as_good = int(np.count_nonzero(~worse))
        p = n_as_good / group.n_group if group.is_whole else (1 + n_as_good) / (1 + group.most)
        return Permuted(observed, math.nan, p, group.p_min, min(group.n_group, MOST_COUNTED))

    def _null(self) -> Floats:
        """Return the statistic of every member that is evaluated, (n_evaluated,); NaN where no pair is defined."""
        group = self._group
        sums, counts = np.zeros(group.n_evaluated), np.zeros(group.n_evaluated)
        generator = np.random.default_rng([group.seed, 1])
        for number in range(len(group.segments)):
            shifts = group.shifts(number, generator)
            sums += self._sums[number][shifts]
            counts += self._counts[number][shifts]
        if len(group.loose):
            which = group.order_of_each()
            sums += self._loose.sums[which]
            counts += self._loose.counts[which]
        with np.errstate(invalid="ignore"):
            null: Floats = sums / counts
        return null
