"""Decoders compared in pairs with the first of them, as rows of a table (docs/scoring.md, Comparing systems)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brainflix.evaluate.ceiling_tables import rounded
from brainflix.evaluate.comparison import holm, paired_difference
from brainflix.evaluate.design import Design
from brainflix.evaluate.ranges import Range
from brainflix.evaluate.score import Score

Rows = list[dict[str, Any]]


def paired_rows(scores: Mapping[str, Score], value: str, design: Design, within: Range) -> Rows:
    """Return a row for each decoder: its score, and from the second on its gain over the first.

    Args:
        scores: by decoder.
        value: what the column of the score is called.
        design: blocks, draws and seed.
        within: least and most that a score can be.
    """
    settings = design.settings
    first = next(iter(scores.values()))
    rows: Rows = []
    for name, score in scores.items():
        row = {"decoder": name, value: score.value, "lo": score.ci95[0], "hi": score.ci95[1], "p": score.p}
        if score is not first:
            pair = paired_difference(
                score.per_clip,
                first.per_clip,
                design.clusters,
                n_boot=settings.n_boot,
                n_draws=settings.permutations,
                seed=settings.seed,
                method=settings.method,
                within=within,
            )
            gain = pair.interval
            row |= {"gain": gain.value, "gain_lo": gain.lo, "gain_hi": gain.hi, "gain_p": pair.test.p}
        rows.append(row)
    return rows


def adjusted(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Return the rows of one table as documents hold them, gains with their p adjusted over all of them (Holm)."""
    p_holm = iter(holm(np.array([row["gain_p"] for row in rows if "gain_p" in row])).tolist())
    return [rounded({**row, "gain_p_holm": next(p_holm)} if "gain_p" in row else row) for row in rows]
