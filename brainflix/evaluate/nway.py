"""N-way top-k accuracy in closed form: rank counts per item, then exact expectations for every n, k and tie rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Ties = Literal["lose", "win", "fair"]
TIES: tuple[Ties, ...] = ("lose", "win", "fair")


@dataclass(frozen=True, eq=False)
class Counts:
    """Where the truth stands among its distractors, per item: all that N-way needs (docs/scoring.md, N-way accuracy).

    Attributes:
        above: array of shape (...), distractors that score higher than the best true class (b).
        tied: array of shape (...), distractors that score the same (t).
        pool: number of distractors (M), one for all items or an array of shape (...).
    """

    above: Ints
    tied: Ints
    pool: int | Ints

    @property
    def n_items_with_ties(self) -> int:
        """Return how many items have at least one tied distractor."""
        return int(np.count_nonzero(self.tied))


def truth_classes(logits: NDArray[Any], g: int) -> Ints:
    """Return the ids of the g largest logits of the truth, best first, equal logits in the order of their ids.

    Args:
        logits: array of shape (..., n_classes), a classifier's output for the true clip or frame.
        g: 1, or 3 as in the papers.

    Returns:
        Array of shape (..., g).
    """
    scores = _checked(logits).copy()
    if not 1 <= g < scores.shape[-1]:
        raise UsageError(f"{g} true classes of {scores.shape[-1]} leave no distractor")
    found = []
    for _ in range(g):
        best = scores.argmax(axis=-1, keepdims=True)
        np.put_along_axis(scores, best, -np.inf, axis=-1)
        found.append(best)
    return np.concatenate(found, axis=-1).astype(np.int64)


def count(logits: NDArray[Any], classes: Ints) -> Counts:
    """Count the distractors above and level with the best true class of each item.

    Logits are ranked in float32; softmax keeps their order, so none is taken and none can underflow.

    Args:
        logits: array of shape (..., n_classes), a classifier's output for the prediction.
        classes: array of shape (..., g), ids from `truth_classes`.

    Raises:
        DataError: shapes disagree, a logit is NaN, or an item names a class twice.
    """
    scores = _checked(logits)
    if classes.shape[:-1] != scores.shape[:-1]:
        raise DataError(f"logits of shape {scores.shape} do not go with true classes of shape {classes.shape}")
    _check_classes(classes, scores.shape[-1])
    true_scores = np.take_along_axis(scores, classes, axis=-1)
    best = true_scores.max(axis=-1, keepdims=True)
    above = np.count_nonzero(scores > best, axis=-1)
    level = np.count_nonzero(scores == best, axis=-1) - np.count_nonzero(true_scores == best, axis=-1)
    return Counts(np.asarray(above, np.int64), np.asarray(level, np.int64), scores.shape[-1] - classes.shape[-1])


def rank_table(pool: int, n: int, k: int = 1) -> Floats:
    """Return P(success) for a truth with b = 0 … pool distractors above it, ties aside.

    X ~ Hypergeometric(pool, b, n - 1) counts the drawn distractors that outrank the truth; success is X < k.

    Args:
        pool: number of distractors to draw from (M).
        n: choices in a trial, the truth included.
        k: success is to be among the k best.

    Returns:
        Array of shape (pool + 1,), never increasing.
    """
    drawn = n - 1
    if n < 2 or k < 1 or drawn > pool:
        raise UsageError(f"{n}-way top-{k} needs n >= 2, k >= 1 and {drawn} distractors", why=f"there are {pool}")
    if k > drawn:
        return np.ones(pool + 1)
    table = np.zeros(pool + 1)
    before = np.arange(pool, dtype=np.float64)
    for j in range(k):
        # P(X = j) at b = j, then on to larger b by the ratio of neighbouring hypergeometric probabilities.
        i = np.arange(j)
        first = np.log((drawn - i) / (pool - i)).sum()
        b = before[j:]
        with np.errstate(divide="ignore"):
            steps = np.log((b + 1) / (b + 1 - j) * np.maximum(pool - b - drawn + j, 0) / (pool - b))
        table[j:] += np.exp(first + np.concatenate([[0.0], np.cumsum(steps)]))
    table[:k] = 1.0
    return np.minimum(table, 1.0)


def accuracy(counts: Counts, n: int, k: int = 1, ties: Ties = "fair") -> Floats:
    """Return the exact expected N-way top-k accuracy of each item.

    Equal scores either all beat the truth ("lose"), all fall behind it ("win"), or stand in random order around it
    ("fair": the truth's rank is uniform among the t + 1 places, hence the mean of the no-tie value over them).

    Args:
        counts: rank counts of shape (...).
        n: choices in a trial, the truth included.
        k: success is to be among the k best.
        ties: "lose", "win" or "fair".

    Returns:
        Array of shape (...), in [0, 1].
    """
    if ties not in TIES:
        raise UsageError(f"unknown tie rule {ties!r}", next=f"use one of {', '.join(TIES)}")
    if isinstance(counts.pool, int):
        return _look_up(counts.above, counts.tied, counts.pool, n, k, ties)
    result = np.empty(counts.above.shape)
    for pool in np.unique(counts.pool):
        here = counts.pool == pool
        result[here] = _look_up(counts.above[here], counts.tied[here], int(pool), n, k, ties)
    return result


def chance(n: int, k: int = 1, g: int = 1) -> float:
    """Return the accuracy of scores without information: 1 - prod_{i<k} (n-1-i)/(g+n-1-i), for k = 1 g/(g+n-1)."""
    drawn = n - 1
    i = np.arange(min(k, n))
    return float(1.0 - np.prod((drawn - i) / (g + drawn - i)))


def curve(counts: Counts, ns: Sequence[int], k: int = 1, ties: Ties = "fair") -> Floats:
    """Return the mean accuracy over all items for each n of `ns`, array of shape (len(ns),)."""
    return np.array([accuracy(counts, n, k, ties).mean() for n in ns])


def ranks(scores: NDArray[Any]) -> tuple[Ints, Ints]:
    """Return, for each entry of a row, how many entries of the row are larger and how many equal (itself included).

    Args:
        scores: array of shape (n_rows, n_columns).
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    n = scores.shape[1]
    place = np.broadcast_to(np.arange(n), scores.shape)
    new = np.ones(scores.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    last = np.ones(scores.shape, dtype=bool)
    last[:, :-1] = new[:, 1:]
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    stop = np.minimum.accumulate(np.where(last, place, n)[:, ::-1], axis=1)[:, ::-1]
    above, equal = np.empty(scores.shape, np.int64), np.empty(scores.shape, np.int64)
    np.put_along_axis(above, order, start, axis=1)
    np.put_along_axis(equal, order, stop - start + 1, axis=1)
    return above, equal


def all_pairs_counts(logits: NDArray[Any], classes: Ints) -> Counts:
    """Count for every pair (prediction i, truth j) by look-ups in one ranking per prediction.

    Args:
        logits: array of shape (n_predictions, n_classes).
        classes: array of shape (n_truths, g).

    Returns:
        Counts of shape (n_predictions, n_truths); its diagonal is `count(logits, classes)`.
    """
    scores = _checked(logits)
    _check_classes(classes, scores.shape[-1])
    above, equal = ranks(scores)
    first = above[:, classes[:, 0]]
    for member in classes.T[1:]:
        first = np.minimum(first, above[:, member])
    # Of the classes level with the best true one, those that are true themselves are no distractors.
    level, own = np.zeros_like(first), np.zeros_like(first)
    for member in classes.T:
        at_best = above[:, member] == first
        level = np.maximum(level, np.where(at_best, equal[:, member], 0))
        own += at_best
    return Counts(first, level - own, scores.shape[-1] - classes.shape[-1])


def accuracy_matrix(logits: NDArray[Any], classes: Ints, n: int, k: int = 1, ties: Ties = "fair") -> Floats:
    """Return the accuracy of prediction i judged against truth j, averaged over frames where there are any.

    Args:
        logits: array of shape (n_clips, n_classes) or (n_clips, n_frames, n_classes).
        classes: array of shape (n_clips, g) or (n_clips, n_frames, g).
        n: choices in a trial, the truth included.
        k: success is to be among the k best.
        ties: "lose", "win" or "fair".

    Returns:
        Array of shape (n_clips, n_clips), the input of the permutation test.

    Raises:
        DataError: classes and logits do not have the same frames.
    """
    if logits.ndim not in (2, 3) or classes.ndim != logits.ndim or logits.shape[1:-1] != classes.shape[1:-1]:
        raise DataError(f"logits of shape {logits.shape} do not go with true classes of shape {classes.shape}")
    if logits.ndim == 2:
        return accuracy(all_pairs_counts(logits, classes), n, k, ties)
    total: Floats = np.zeros((len(logits), len(classes)))
    for frame in range(logits.shape[1]):
        total += accuracy(all_pairs_counts(logits[:, frame], classes[:, frame]), n, k, ties)
    total /= logits.shape[1]
    return total


def _look_up(above: Ints, tied: Ints, pool: int, n: int, k: int, ties: Ties) -> Floats:
    table = rank_table(pool, n, k)
    result: Floats = table[above + tied] if ties == "lose" else table[above]
    if ties == "fair" and tied.any():
        sums = np.concatenate([[0.0], np.cumsum(table)])
        result = np.where(tied == 0, result, (sums[above + tied + 1] - sums[above]) / (tied + 1))
    return result


def _checked(logits: NDArray[Any]) -> NDArray[np.float32]:
    scores = np.asarray(logits, dtype=np.float32)
    if np.isnan(scores).any():
        raise DataError("logits hold NaN", why="a rank among NaN means nothing")
    return scores


def _check_classes(classes: Ints, n_classes: int) -> None:
    if classes.size and (classes.min() < 0 or classes.max() >= n_classes):
        raise DataError(f"a true class lies outside 0 … {n_classes - 1}")
    ordered = np.sort(classes, axis=-1)
    if (ordered[..., 1:] == ordered[..., :-1]).any():
        raise DataError("an item names the same true class twice")
    if classes.shape[-1] >= n_classes:
        raise UsageError(f"{classes.shape[-1]} true classes of {n_classes} leave no distractor")
