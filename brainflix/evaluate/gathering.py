"""Chance and p of a metric, from rows of the matrix of all pairings as they come."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.blocks import defined_mean
from brainflix.evaluate.design import Design, Ints
from brainflix.evaluate.exchanges import Exchanged
from brainflix.evaluate.motion import magnitude_matched_orders, speed_bins, time_reversal_test
from brainflix.evaluate.permutations import MOST_COUNTED, NullSums, Permuted, from_null, mismatched_means
from brainflix.scratch import give_back

Floats = NDArray[np.float64]
# Deciles of true speed, fewer where they would hold fewer than two clips.
SPEED_BINS = 10


class Gathering(Protocol):
    """What becomes chance and p of a metric."""

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take the scores of some predictions against all truths, (len(clips), n_clips), each once."""

    def result(self) -> Permuted:
        """Return chance and p."""


class ByExchange:
    """Chance from strangers only, p from the exchanges of a design."""

    def __init__(self, design: Design, *, higher_is_better: bool | None = True) -> None:
        """Begin with no row; errors are better the lower they are, and None gives no p."""
        self._design, self._higher_is_better = design, higher_is_better
        self._tested = Exchanged(design.exchanges)
        self._floor: list[Floats] = []

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take some rows."""
        self._tested.add(clips, scores)
        self._floor.append(mismatched_means(scores, self._design.strangers.of(clips)))

    def result(self) -> Permuted:
        """Return chance and p; neither where the design permutes nothing."""
        if not self._design.permutes:
            return Permuted(math.nan, math.nan, math.nan)
        tested = self._tested.result(higher_is_better=self._higher_is_better)
        return replace(tested, chance=defined_mean(np.concatenate(self._floor)))


class SameSpeed:
    """Chance and p among clips of nearly the same true speed (docs/scoring.md, Matched speed); higher is better.

    Clips are exchanged one by one, so that there is no p where they hang together.
    """

    def __init__(self, speed: Floats, design: Design, folder: Path | None = None) -> None:
        """Sort clips by speed, and draw the permutations.

        Args:
            speed: array of shape (n_clips,), mean true speed.
            design: whether clips hang together; how many permutations, and their seed.
            folder: takes them, which have room there; None holds them in memory.
        """
        n_bins = min(SPEED_BINS, len(speed) // 2)
        self._bin, self._orders = speed_bins(speed, n_bins), None
        if not design.together:
            settings = design.settings
            self._orders = magnitude_matched_orders(
                speed, n_bins=n_bins, n_draws=settings.permutations, seed=settings.seed, folder=folder
            )
        self._own, self._test = NullSums(1), NullSums(0 if self._orders is None else len(self._orders))
        self._floor: list[Floats] = []

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take some rows."""
        self._own.add(scores, clips[None])
        strangers = self._bin[clips, None] == self._bin
        strangers[np.arange(len(clips)), clips] = False
        self._floor.append(mismatched_means(scores, strangers))
        if self._orders is not None:
            self._test.add(scores, self._orders[:, clips])
            give_back(self._orders)

    def result(self) -> Permuted:
        """Return chance and p."""
        n_group = math.prod(math.factorial(size) for size in np.bincount(self._bin).tolist())
        tested = from_null(float(self._own.means()[0]), self._test.means(), n_group=n_group)
        return replace(tested, chance=defined_mean(np.concatenate(self._floor)))


def permuted(matrix: Floats, design: Design, *, higher_is_better: bool = True) -> Permuted:
    """Return the chance level, from strangers only, and the p of the permutation test.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        design: who meets whom.
        higher_is_better: False for errors.
    """
    gathered = ByExchange(design, higher_is_better=higher_is_better)
    gathered.add(np.arange(len(matrix)), matrix)
    return gathered.result()


def signs(values: Floats, clusters: Ints) -> Permuted:
    """Return p of an exact sign test of values (n_clips,) against 0 over clusters; nothing is permuted."""
    tested = time_reversal_test(values, np.zeros_like(values), clusters)
    n = tested.n_higher + tested.n_lower
    p_min, n_group = (0.5**n, min(2**n, MOST_COUNTED)) if n else (math.nan, 0)
    return Permuted(defined_mean(values), math.nan, tested.p, p_min, n_group)
