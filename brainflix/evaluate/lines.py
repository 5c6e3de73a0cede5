"""From what was measured to a line of the table."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.metric import Measured
from brainflix.evaluate.metric_params import About
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.ranges import ANYTHING, Range
from brainflix.evaluate.scene import ORACLE, is_baseline
from brainflix.evaluate.score import Score, summarise
from brainflix.evaluate.scorecard import Line

Floats = NDArray[np.float64]


def make_line(about: About, measured: Measured, design: Design, protocol: str) -> Line:
    """Return the line of a metric.

    Args:
        about: what it is.
        measured: what was found; its sets give baselines and ceiling.
        design: what all lines share.
        protocol: name that stands on the number.
    """
    said = about.about + (f"; {measured.remark}" if measured.remark else "")
    if measured.value is not None:
        score = _of_set(measured.value, design.n_clips, protocol)
    else:
        below = {name: measured.below(name) for name in measured.own if is_baseline(name)}
        score = summed(
            measured.prediction,
            design,
            protocol,
            tested=measured.permuted,
            below=below,
            ceiling=measured.below(ORACLE) if ORACLE in measured.own else None,
            chance=measured.chance,
            is_rate=measured.is_rate,
            ranks=about.ranks,
            within=about.within,
            n_nan=measured.n_nan,
        )
    return Line(score, said, about.primary, about.unit, about.higher_is_better)


def summed(
    per_clip: Floats,
    design: Design,
    protocol: str,
    *,
    tested: Permuted | None = None,
    below: dict[str, float] | None = None,
    ceiling: float | None = None,
    chance: float = math.nan,
    is_rate: bool = False,
    ranks: bool = False,
    within: Range = ANYTHING,
    n_nan: int | None = None,
) -> Score:
    """Return the record of clips' values (n_clips,) under a design; the rest as of `summarise`.

    The test's chance is the value of a baseline, the predictions of other clips, if it has one.
    """
    mismatched = {} if tested is None or math.isnan(tested.chance) else {"mismatched": tested.chance}
    return summarise(
        per_clip,
        design.clusters,
        protocol=protocol,
        permuted=tested,
        chance_analytic=chance,
        baselines={**(below or {}), **mismatched},
        ceiling=ceiling,
        is_rate=is_rate,
        ranks=ranks,
        within=within,
        n_nan=n_nan,
        n_boot=design.settings.n_boot,
        seed=design.settings.seed,
        method=design.settings.method,
    )


def matrix_score(
    matrix: Floats,
    design: Design,
    protocol: str,
    *,
    chance: float,
    below: dict[str, float],
    ceiling: float | None,
    is_rate: bool = False,
    ranks: bool = False,
    within: Range = ANYTHING,
    own: Floats | None = None,
) -> Score:
    """Return the record of a metric from its values for all pairings, of which higher ones are better.

    Args:
        matrix: array of shape (n_clips, n_clips), prediction i against truth j, true pairs on the diagonal.
        design: who meets whom.
        protocol: name that stands on the number.
        chance: from theory, NaN where there is none.
        below: value of each baseline.
        ceiling: value of the best that can be.
        is_rate: whether clips score between never (0) and always (1).
        ranks: whether clips are ranked within a gallery.
        within: least and most that the score can be.
        own: the clips' values, (n_clips,), where the matrix has them with other ties.
    """
    return summed(
        np.diagonal(matrix).astype(np.float64) if own is None else own,
        design,
        protocol,
        tested=permuted(matrix, design),
        below=below,
        ceiling=ceiling,
        chance=chance,
        is_rate=is_rate,
        ranks=ranks,
        within=within,
    )


def _of_set(value: float, n_clips: int, protocol: str) -> Score:
    """Return the record of a number that belongs to a set of clips: no clip has a value, and nothing is permuted."""
    none = math.nan
    empty = np.full(n_clips, none)
    return Score(value, n_clips, 0, none, none, (none, none), none, 0, "none", none, {}, None, empty, protocol)
