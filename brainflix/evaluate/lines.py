"""Make a line of `score`'s table from the scores of all pairings, or of a sample where all would cost too much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.folders.plan import Plan
from brainflix.evaluate.folders.repairing import Repairing, make_repairing, repaired
from brainflix.evaluate.permutations import Permuted, permutation_test
from brainflix.evaluate.score import Score, summarise
from brainflix.evaluate.scorecard import Line

Floats = NDArray[np.float64]


class Described(Protocol):
    """What a reader must know of a metric; attributes as of `Line`."""

    @property
    def about(self) -> str:
        """One line that says what it is."""

    @property
    def primary(self) -> bool:
        """Whether headlines may use it."""

    @property
    def unit(self) -> str:
        """Unit of its values, "" for none."""

    @property
    def higher_is_better(self) -> bool:
        """Which direction is good."""


@dataclass(frozen=True, eq=False)
class Table:
    """What all lines share: how clips are permuted where every pairing is known, and the plan."""

    rank: NDArray[np.int64]
    repairing: Repairing
    plan: Plan


def make_table(rank: NDArray[np.int64], plan: Plan, folder: Path | None = None) -> Table:
    """Choose the permutations of clips whose order is `rank`, (n_clips,); `folder`, if given, has room for them."""
    repairing = make_repairing(rank, block=plan.block, n_draws=plan.n_draws, seed=plan.seed, folder=folder)
    return Table(rank, repairing, plan)


def tested_matrix(matrix: Floats, table: Table, metric: ModelMetric) -> Permuted:
    """Test a matrix (n_clips, n_clips), prediction by truth, of which every pairing is known."""
    return repaired(matrix, table.repairing, higher_is_better=metric.higher_is_better)


def tested_sample(matrix: Floats, orders: NDArray[np.int32], metric: ModelMetric) -> Permuted:
    """Test a matrix of which only the true pairs and those of `orders` (n_orders, n_clips) are known."""
    return permutation_test(matrix, orders, higher_is_better=metric.higher_is_better)


def sampled_orders(table: Table, n_orders: int) -> NDArray[np.int32]:
    """Return at most `n_orders` rotations without a true pair, (n_orders, n_clips), by seed (docs/scoring.md, LPIPS).

    Independent clips are rotated in the order of their rank, so that names change no number; blocks as they stand.
    """
    floor = table.repairing.floor
    if len(floor) <= n_orders:
        return floor
    chosen = np.random.default_rng(table.plan.seed).choice(len(floor), n_orders, replace=False)
    return floor[np.sort(chosen)]


def make_line(
    metric: Described,
    per_clip: Floats,
    table: Table,
    *,
    tested: Permuted | None = None,
    below: Mapping[str, float] | None = None,
    n_nan: int | None = None,
    chance: float = math.nan,
    is_rate: bool = False,
    remark: str = "",
) -> Line:
    """Return the line of a metric.

    Args:
        metric: what it is.
        per_clip: array of shape (n_clips,), NaN where undefined.
        table: what lines share.
        tested: result of the test; None where there is none. Its chance is a baseline's value if it has one.
        below: value of each baseline.
        n_nan: undefined frames; None counts undefined clips.
        chance: chance level from theory.
        is_rate: whether clips score between never (0) and always (1).
        remark: goes behind what the metric is.
    """
    mismatched = {} if tested is None or math.isnan(tested.chance) else {"mismatched": tested.chance}
    score = summarise(
        per_clip,
        table.repairing.clusters,
        protocol=table.plan.protocol,
        permuted=tested,
        chance_analytic=chance,
        baselines={**(below or {}), **mismatched},
        is_rate=is_rate,
        n_nan=n_nan,
        seed=table.plan.seed,
    )
    about = metric.about + (f"; {remark}" if remark else "")
    return Line(score, about, metric.primary, metric.unit, metric.higher_is_better)


def set_line(metric: ModelMetric, value: float, n_clips: int, plan: Plan, remark: str) -> Line:
    """Return the line of a number that belongs to a set of clips: no clip has a value, and nothing is permuted."""
    none = math.nan
    empty: NDArray[Any] = np.full(n_clips, none)
    score = Score(value, n_clips, 0, none, none, (none, none), none, 0, "none", none, {}, None, empty, plan.protocol)
    return Line(score, f"{metric.about}; {remark}", metric.primary, metric.unit, metric.higher_is_better)
