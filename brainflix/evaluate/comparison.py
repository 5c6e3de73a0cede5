"""Two systems on the same clips: interval and sign-flip p of their paired difference; Holm over a table of tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.blocks import Floats, Interval, cluster_sums
from brainflix.evaluate.intervals import DEFAULT, Method, mean_interval
from brainflix.evaluate.permutations import MOST_COUNTED
from brainflix.evaluate.ranges import ANYTHING, Range


@dataclass(frozen=True)
class Flips:
    """A sign-flip test: its two-sided p, over how many sign patterns, and whether those were all that there are.

    `p_min` is the smallest p that so many blocks can give, and `n_group` how many patterns they have,
    MOST_COUNTED at most.
    """

    p: float
    n_patterns: int
    exact: bool
    p_min: float = np.nan
    n_group: int = 0


@dataclass(frozen=True)
class Difference:
    """How much one system scores above another.

    Attributes:
        interval: mean of the clip-wise differences; its `n_nan` counts clips that either system has no value for.
        test: of "no difference", by the signs of whole clusters.
    """

    interval: Interval
    test: Flips


def paired_difference(
    a: NDArray[Any],
    b: NDArray[Any],
    clusters: NDArray[Any],
    *,
    n_boot: int = 10_000,
    n_draws: int = 10_000,
    seed: int = 0,
    method: Method = DEFAULT,
    within: Range = ANYTHING,
) -> Difference:
    """Compare two systems on the same clips by their clip-wise differences (docs/scoring.md, Comparing systems).

    The interval is that of the differences. Intervals of each system alone would ignore that clips are hard or easy for
    both; a rank test on bootstrap means would find a difference as soon as there are enough replicates.

    Args:
        a: array of shape (n_clips,), scores of the first system, NaN where undefined.
        b: array of shape (n_clips,), scores of the second system; a clip that either lacks is left out of both.
        clusters: array of shape (n_clips,), the block of each clip; neighbours have numbers that follow each other.
        n_boot: replicates, where a bootstrap is asked for.
        n_draws: sign patterns at most.
        seed: of replicates and patterns.
        method: of the interval, as of `mean_interval`.
        within: least and most that either score can be.

    Returns:
        The difference a - b; NaN limits with fewer than three blocks.

    Raises:
        DataError: the systems do not have a score for each of the same clips.
    """
    if np.shape(a) != np.shape(b):
        raise DataError(f"scores of shape {np.shape(a)} and {np.shape(b)} are not paired", next="score the same clips")
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    span = within[1] - within[0]
    return Difference(
        mean_interval(difference, clusters, n_boot=n_boot, seed=seed, method=method, within=(-span, span)),
        sign_flip_test(difference, clusters, n_draws=n_draws, seed=seed),
    )


def sign_flip_test(
    difference: NDArray[Any], clusters: NDArray[Any], *, n_draws: int = 10_000, seed: int | np.random.Generator = 0
) -> Flips:
    """Test a mean difference against those that flipping the signs of whole clusters gives, two-sided.

    Where there are no more than `n_draws` sign patterns, each is taken once, the observed one among them; p then cannot
    fall below the 2 / 2^n_clusters that so few clusters can show. Else p = (1 + #{as large}) / (1 + n_draws).

    Args:
        difference: array of shape (n_clips,); NaN clips are left out.
        clusters: array of shape (n_clips,), the cluster of each clip.
        n_draws: sign patterns at most; 0 for no test.
        seed: of the draws; without effect where all patterns are taken.

    Returns:
        The test; p is NaN where no clip is defined, and without patterns.
    """
    sums = cluster_sums(difference, clusters).sums
    if not sums.size or n_draws < 1:
        return Flips(np.nan, 0, True)
    # A pattern and its mirror image have the same magnitude: the first sign stays, the others take every combination.
    free = len(sums) - 1
    exact = free < 63 and 2**free <= n_draws
    if exact:
        bits = np.arange(2**free)[:, None] >> np.arange(free) & 1
    else:
        bits = np.random.default_rng(seed).integers(0, 2, (n_draws, free), dtype=np.int8)
    null = np.abs(sums[0] + (1.0 - 2.0 * bits) @ sums[1:])
    observed = abs(float(sums.sum()))
    # Sums of the same numbers in another order differ by rounding and must count as equal.
    as_large = int(np.count_nonzero(null >= observed - 1e-12 * max(1.0, observed)))
    p = as_large / len(null) if exact else (1 + as_large) / (1 + n_draws)
    # A pattern and its mirror image are as large.
    p_min = 1 / 2**free if exact else 1 / (1 + n_draws)
    return Flips(p, 2 ** len(sums) if exact else n_draws, exact, p_min, min(2 ** len(sums), MOST_COUNTED))


def holm(p: NDArray[Any]) -> Floats:
    """Adjust the p values of one table so that the chance of any false rejection among them stays at the level.

    Holm's step-down: the i-th smallest of m is multiplied by m - i + 1, kept from falling below its predecessor, and
    capped at 1 (docs/scoring.md, Holm).

    Args:
        p: array of shape (n_tests,); NaN tests were not made and do not count.

    Returns:
        Array of shape (n_tests,), NaN where `p` is.
    """
    values = np.asarray(p, np.float64)
    adjusted = np.full(values.shape, np.nan)
    made = np.flatnonzero(~np.isnan(values))
    order = made[np.argsort(values[made], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted
