"""Permutation tests: predictions meet other clips' truth, which gives an empirical chance level and a p value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Entries of a block of permutations drawn at once.
BLOCK = 2**18
# Larger groups count as this number: JSON has no exact integers beyond it, and Python prints none of 4301 digits.
MOST_COUNTED = 2**53


@dataclass(frozen=True)
class Permuted:
    """What a test by exchanges tells.

    Attributes:
        observed: the statistic of the true pairing.
        chance: mean over strangers, the empirical chance level; NaN where nobody met a stranger.
        p: of the test; NaN where there is none.
        p_min: smallest p that the test can give.
        n_group: in how many ways clips can be exchanged, the true pairing among them and MOST_COUNTED at
            most; 0 where there is no test.
    """

    observed: float
    chance: float
    p: float
    p_min: float = math.nan
    n_group: int = 0


def permutation_blocks(
    n_clips: int, n_draws: int, generator: np.random.Generator
) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Yield which draws, and their permutations (n_rows, n_clips), some at a time; the blocks change no draw."""
    own = np.arange(n_clips, dtype=np.int32)
    step = max(1, BLOCK // n_clips)
    for start in range(0, n_draws, step):
        rows = slice(start, min(start + step, n_draws))
        yield rows, generator.permuted(np.tile(own, (rows.stop - start, 1)), axis=1)


def mismatched_means(matrix: Floats, mismatched: NDArray[np.bool_]) -> Floats:
    """Return each row's mean over its defined mismatched pairs, (n_clips,); NaN where it has none."""
    counted = mismatched & ~np.isnan(matrix)
    counts = counted.sum(axis=1)
    sums = np.where(counted, matrix, 0.0).sum(axis=1)
    means: Floats = np.divide(sums, counts, out=np.full(len(matrix), np.nan), where=counts > 0)
    return means


def mean_matrix(matrices: Iterable[Floats], shape: tuple[int, int]) -> Floats:
    """Return the mean over the defined entries of matrices of one shape, NaN where none is; one is held at a time."""
    total, count = np.zeros(shape), np.zeros(shape)
    for matrix in matrices:
        defined = ~np.isnan(matrix)
        total[defined] += matrix[defined]
        count += defined
    mean: Floats = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return mean


class NullSums:
    """Sum of the scores of each permutation, gathered from rows of the matrix of all pairings as they come.

    Attributes:
        sums, counts: arrays of shape (n_orders,), over the defined pairs of each permutation.
    """

    def __init__(self, n_orders: int) -> None:
        """Begin with no row."""
        self.sums = np.zeros(n_orders)
        self.counts = np.zeros(n_orders, np.int64)

    def add(self, scores: Floats, orders: NDArray[np.integer[Any]]) -> None:
        """Take some rows, each once.

        Args:
            scores: array of shape (n_rows, n_clips), scores of some predictions against all truths.
            orders: array of shape (n_orders, n_rows), the truths that these predictions meet.
        """
        for row, truths in zip(scores, orders.T, strict=True):
            undefined = np.isnan(row)
            if undefined.any():
                self.sums += np.where(undefined, 0.0, row).take(truths)
                self.counts += ~undefined.take(truths)
            else:
                self.sums += row.take(truths)
                self.counts += 1

    def means(self) -> Floats:
        """Return the mean over the defined pairs of each permutation, (n_orders,); NaN where it has none."""
        with np.errstate(invalid="ignore"):
            means: Floats = self.sums / self.counts
        return means


def from_null(observed: float, null: Floats, *, higher_is_better: bool = True, n_group: int | None = None) -> Permuted:
    """Return chance level and p = (1 + #{null as good as observed}) / (1 + permutations) from the null's values.

    Args:
        observed: the statistic of the true pairing.
        null: array of shape (n_draws,), the statistic of each permutation that was evaluated; NaN draws are left out.
        higher_is_better: False for errors, whose small values count.
        n_group: in how many ways there are to permute, the observed one among them; None: those of `null` and it.
    """
    draws = null[~np.isnan(null)]
    if not draws.size or np.isnan(observed):
        return Permuted(observed, np.nan, np.nan)
    # Sums of the same numbers in another order differ by rounding and must count as equal.
    slack = 1e-12 * max(1.0, abs(observed))
    as_good = draws >= observed - slack if higher_is_better else draws <= observed + slack
    p = (1 + int(np.count_nonzero(as_good))) / (1 + draws.size)
    size = n_group or 1 + draws.size
    return Permuted(observed, float(draws.mean()), p, max(1 / (1 + draws.size), 1 / size), min(size, MOST_COUNTED))
