"""Chance and p of a metric, from rows of the matrix of all pairings as they come."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.design import Design, Ints, Orders
from brainflix.evaluate.motion import magnitude_matched_orders, time_reversal_test
from brainflix.evaluate.permutations import NullSums, Permuted, from_null, met_by, mismatched_means
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


class Rotations:
    """Chance from mismatched pairs only, p from the permutations of the test."""

    def __init__(self, design: Design, *, higher_is_better: bool = True) -> None:
        """Begin with no row; errors are better the lower they are."""
        self._design, self._higher_is_better = design, higher_is_better
        self._own, self._floor = NullSums(1), NullSums(len(design.floor))
        self._test = self._floor if design.test is design.floor else NullSums(len(design.test))

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take some rows."""
        self._own.add(scores, clips[None])
        self._floor.add(scores, self._design.floor[:, clips])
        if self._test is not self._floor:
            _add_rows(self._test, scores, self._design.test, clips)

    def result(self) -> Permuted:
        """Return chance and p."""
        observed = float(self._own.means()[0])
        tested = from_null(observed, self._test.means(), higher_is_better=self._higher_is_better)
        # Of the same permutations the mean is that of the null already.
        if self._test is self._floor:
            return tested
        return replace(tested, chance=defined_mean(self._floor.means()))


class SameSpeed:
    """Chance and p among clips of nearly the same true speed (docs/scoring.md, Matched speed); higher is better."""

    def __init__(self, speed: Floats, *, permutations: int, seed: int, folder: Path | None = None) -> None:
        """Draw the permutations.

        Args:
            speed: array of shape (n_clips,), mean true speed.
            permutations: how many.
            seed: of the draws.
            folder: takes them, which have room there; None holds them in memory.
        """
        n_bins = min(SPEED_BINS, len(speed) // 2)
        self._orders = magnitude_matched_orders(speed, n_bins=n_bins, n_draws=permutations, seed=seed, folder=folder)
        self._own, self._test = NullSums(1), NullSums(permutations)
        self._floor: list[Floats] = []

    def add(self, clips: Ints, scores: Floats) -> None:
        """Take some rows."""
        self._own.add(scores, clips[None])
        strangers = met_by(self._orders[:, clips], clips, self._orders.shape[1])
        self._floor.append(mismatched_means(scores, strangers))
        _add_rows(self._test, scores, self._orders, clips)

    def result(self) -> Permuted:
        """Return chance and p."""
        tested = from_null(float(self._own.means()[0]), self._test.means())
        return replace(tested, chance=defined_mean(np.concatenate(self._floor)))


def permuted(matrix: Floats, design: Design, *, higher_is_better: bool = True) -> Permuted:
    """Return the chance level, from mismatched pairs only, and the p of the permutation test.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        design: who meets whom.
        higher_is_better: False for errors.
    """
    gathered = Rotations(design, higher_is_better=higher_is_better)
    gathered.add(np.arange(len(matrix)), matrix)
    return gathered.result()


def signs(values: Floats, clusters: Ints) -> Permuted:
    """Return p of an exact sign test of values (n_clips,) against 0 over clusters; nothing is permuted."""
    tested = time_reversal_test(values, np.zeros_like(values), clusters)
    return Permuted(defined_mean(values), math.nan, math.nan, tested.p, 0)


def _add_rows(sums: NullSums, scores: Floats, orders: Orders, clips: Ints) -> None:
    """Take some rows of a matrix, and let go of what was read of the orders."""
    sums.add(scores, orders[:, clips])
    give_back(orders)
