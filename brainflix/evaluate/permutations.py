"""Permutation tests: predictions meet other clips' truth, which gives an empirical chance level and a p value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Entries of a block of permutations drawn at once.
BLOCK = 2**18


@dataclass(frozen=True)
class Permuted:
    """Null of a permutation test: its mean (the empirical chance level), its sd, the p value, how many permutations."""

    observed: float
    chance: float
    null_sd: float
    p: float
    n_draws: int


def circular_orders(
    groups: NDArray[Any] | Sequence[str],
    *,
    min_shift: int,
    n_draws: int = 10_000,
    seed: int | np.random.Generator = 0,
    onset_s: NDArray[Any] | None = None,
) -> NDArray[np.int32]:
    """Return permutations that rotate the clips of each group (movie, segment) against themselves.

    Rotation keeps the autocorrelation of both sides. Each group has its own shift, from `min_shift` to its size minus
    `min_shift`. Where there are no more than `n_draws` combinations of shifts, each is returned once: draws with
    replacement would pretend to a p below the 1 / (1 + n_distinct) that the test can attain. Else the shifts are drawn.

    Args:
        groups: n_clips group names.
        min_shift: smallest shift in clips (20 s of stimulus is the default of the field's movies).
        n_draws: permutations at most.
        seed: of the draws; without effect where all permutations are returned.
        onset_s: array of shape (n_clips,), time order within a group; None takes the order of the array.

    Returns:
        Array of shape (min(n_draws, n_distinct), n_clips): entry [d, i] is the truth that prediction i meets in
        permutation d.

    Raises:
        DataError: a group is too short for any admissible shift.
    """
    if min_shift < 1:
        raise UsageError(f"a shift of {min_shift} clips pairs a clip with itself", next="shift by at least one clip")
    names = np.asarray(groups)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    if onset_s is not None:
        members = [one[np.argsort(np.asarray(onset_s)[one], kind="stable")] for one in members]
    for one in members:
        if len(one) < 2 * min_shift:
            raise DataError(
                f"group {names[one[0]]} of {len(one)} clips has no circular shift by at least {min_shift} clips",
                why=f"it needs at least {2 * min_shift} clips",
                next="lower evaluate.min_shift_s, or evaluate on longer segments",
            )
    shifts = _shifts([len(one) for one in members], min_shift, n_draws, seed)
    orders = np.empty((shifts.shape[1], len(names)), np.int32)
    for one, steps in zip(members, shifts, strict=True):
        orders[:, one] = one[(np.arange(len(one)) + steps[:, None]) % len(one)]
    return orders


def _shifts(sizes: Sequence[int], min_shift: int, n_draws: int, seed: int | np.random.Generator) -> Ints:
    """Return the shift of each group in each permutation, (n_groups, n_orders): all combinations if they are few."""
    counts = [size - 2 * min_shift + 1 for size in sizes]
    if math.prod(counts) <= n_draws:
        return np.indices(counts).reshape(len(counts), -1) + min_shift
    generator = np.random.default_rng(seed)
    return np.stack([generator.integers(min_shift, size - min_shift + 1, n_draws) for size in sizes])


def permutation_blocks(
    n_clips: int, n_draws: int, generator: np.random.Generator
) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Yield which draws, and their permutations (n_rows, n_clips), some at a time; the blocks change no draw."""
    own = np.arange(n_clips, dtype=np.int32)
    step = max(1, BLOCK // n_clips)
    for start in range(0, n_draws, step):
        rows = slice(start, min(start + step, n_draws))
        yield rows, generator.permuted(np.tile(own, (rows.stop - start, 1)), axis=1)


def met_by(orders: NDArray[np.integer[Any]], clips: NDArray[np.integer[Any]], n_clips: int) -> NDArray[np.bool_]:
    """Return which truths the predictions of some clips meet, their own left out.

    Args:
        orders: array of shape (n_draws, len(clips)), the truths that they meet.
        clips: which they are.
        n_clips: how many clips there are.

    Returns:
        Array of shape (len(clips), n_clips).
    """
    met = np.zeros((len(clips), n_clips), bool)
    for row, truths in zip(met, orders.T, strict=True):
        row[truths] = True
    met[np.arange(len(clips)), clips] = False
    return met


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


def null_means(matrix: Floats, orders: NDArray[np.integer[Any]]) -> Floats:
    """Return the mean score of each permutation, leaving out undefined pairs.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        orders: array of shape (n_draws, n_clips).

    Returns:
        Array of shape (n_draws,).
    """
    n = len(matrix)
    if matrix.shape != (n, n) or orders.shape[1:] != (n,):
        raise DataError(f"orders of shape {orders.shape} do not permute a matrix of shape {matrix.shape}")
    gathered = NullSums(len(orders))
    gathered.add(matrix, orders)
    return gathered.means()


class NullSums:
    """Mean score of each permutation, gathered from rows of the matrix of all pairings as they come."""

    def __init__(self, n_orders: int) -> None:
        """Begin with no row."""
        self._sums = np.zeros(n_orders)
        self._counts = np.zeros(n_orders, np.int64)

    def add(self, scores: Floats, orders: NDArray[np.integer[Any]]) -> None:
        """Take some rows, each once.

        Args:
            scores: array of shape (n_rows, n_clips), scores of some predictions against all truths.
            orders: array of shape (n_orders, n_rows), the truths that these predictions meet.
        """
        for row, truths in zip(scores, orders.T, strict=True):
            undefined = np.isnan(row)
            if undefined.any():
                self._sums += np.where(undefined, 0.0, row).take(truths)
                self._counts += ~undefined.take(truths)
            else:
                self._sums += row.take(truths)
                self._counts += 1

    def means(self) -> Floats:
        """Return the mean over the defined pairs of each permutation, (n_orders,); NaN where it has none."""
        with np.errstate(invalid="ignore"):
            means: Floats = self._sums / self._counts
        return means


def permutation_test(matrix: Floats, orders: NDArray[np.integer[Any]], *, higher_is_better: bool = True) -> Permuted:
    """Test "the prediction carries no clip-specific information" on the mean of the matrix's diagonal.

    Args:
        matrix: array of shape (n_clips, n_clips), score of prediction i against truth j.
        orders: array of shape (n_draws, n_clips), as of `circular_orders`.
        higher_is_better: False for errors, whose small values count.
    """
    observed = null_means(matrix, np.arange(len(matrix))[None])[0]
    return from_null(float(observed), null_means(matrix, orders), higher_is_better=higher_is_better)


def from_null(observed: float, null: Floats, *, higher_is_better: bool = True) -> Permuted:
    """Return chance level and p = (1 + #{null as good as observed}) / (1 + permutations) from the null's values.

    Args:
        observed: the statistic of the true pairing.
        null: array of shape (n_draws,), the statistic of each permutation that was evaluated; NaN draws are left out.
        higher_is_better: False for errors, whose small values count.
    """
    draws = null[~np.isnan(null)]
    if not draws.size or np.isnan(observed):
        return Permuted(observed, np.nan, np.nan, np.nan, draws.size)
    # Sums of the same numbers in another order differ by rounding and must count as equal.
    slack = 1e-12 * max(1.0, abs(observed))
    as_good = draws >= observed - slack if higher_is_better else draws <= observed + slack
    p = (1 + int(np.count_nonzero(as_good))) / (1 + draws.size)
    sd = float(draws.std(ddof=1)) if draws.size > 1 else np.nan
    return Permuted(observed, float(draws.mean()), sd, p, draws.size)
