"""The lines of one regressed target: identification and retrieval, patterns, and how much variance is explained.

Correlation and cosine are taken after the training mean is removed: without that, CLIP-like targets score 0.7 to 0.9
for the mean vector alone (docs/scoring.md, Target vectors).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainflix.evaluate import identification, targets_metrics
from brainflix.evaluate.blocks import defined_mean
from brainflix.evaluate.design import Design
from brainflix.evaluate.lines import matrix_score
from brainflix.evaluate.retrieval import chance_near, near_in_time, retrieval_near, retrieval_near_matrix
from brainflix.evaluate.scene import Film
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.vectors import NAME, Match, Regressed, score_match
from brainflix.wording import count

# Neighbours that count as found, and the size of the published galleries (docs/scoring.md, Retrieval).
TOLERANCE_S = 10.0
GALLERY = 300


def target_lines(
    step: str, matched: Match, film: Film, design: Design, retrieval_k: Sequence[int] = (1, 5)
) -> dict[str, Line]:
    """Return the lines of one target by name, identification first, which leads.

    Args:
        step: the step that regressed it.
        matched: predictions beside the truth.
        film: where the clips under evaluation lie.
        design: what all numbers of the table share.
        retrieval_k: top-k retrievals.
    """
    n = len(matched.truth)
    about = f"pairwise identification of the regressed target {step}"
    lines = {f"identification_{step}": Line(score_match(matched, design), about, primary=True)}
    for k in retrieval_k:
        about = f"top-{k} retrieval of the regressed target {step} among {count(n, 'clip')}"
        lines[f"retrieval{k}_{step}"] = Line(score_match(matched, design, k), f"{about}, brain to stimulus")
        # Published code bases have the names of the directions swapped, so both are given (docs/scoring.md, Retrieval).
        backward = score_match(matched, design, k, "stim_to_brain")
        lines[f"retrieval{k}_stim_to_brain_{step}"] = Line(backward, f"{about}, stimulus to brain")
        lines[f"retrieval{k}_near_{step}"] = _near_line(step, matched, film, design, k)
        if n > GALLERY:
            about = f"top-{k} retrieval of the regressed target {step} in a random gallery of {GALLERY}, exact"
            lines[f"retrieval{k}_of{GALLERY}_{step}"] = Line(score_match(matched, design, k, gallery=GALLERY), about)
    return {**lines, **_vector_lines(step, matched, design)}


def target_row(step: str, regressed: Regressed) -> dict[str, Any]:
    """Return what belongs to a target as a whole and to no clip: errors, R2 over dims, profile correlation."""
    truth, prediction = regressed.truth, regressed.prediction
    r2 = targets_metrics.r2_summary(truth, prediction)
    profile = targets_metrics.profile_correlation(truth, prediction)
    mse, mae = targets_metrics.mean_errors(truth, prediction)
    numbers = {
        "mse": mse,
        "mae": mae,
        "r2_mean": r2.mean,
        "r2_median": r2.median,
        "r2_weighted": r2.weighted,
        "profile_correlation": defined_mean(profile),
    }
    plain = {name: None if np.isnan(value) else round(value, 6) for name, value in numbers.items()}
    return {"target": step, **plain, "dims": truth.shape[1], "undefined_dims": int(np.isnan(profile).sum())}


def _near_line(step: str, matched: Match, film: Film, design: Design, k: int) -> Line:
    """Score top-k retrieval where a clip that starts within the tolerance counts as found."""
    near = near_in_time(film.segment, film.onset_s, TOLERANCE_S)
    own, mean, truth = (
        retrieval_near(each, near, k) for each in (matched.prediction, matched.train_mean, matched.truth)
    )
    score = matrix_score(
        retrieval_near_matrix(matched.prediction, near, k),
        design,
        NAME,
        chance=chance_near(near, k),
        below={"train_mean": defined_mean(mean)},
        ceiling=defined_mean(truth),
        own=own,
        is_rate=True,
        ranks=True,
    )
    about = f"top-{k} retrieval of the regressed target {step}; clips within {TOLERANCE_S:g} s count as found"
    return Line(score, about)


def _vector_lines(step: str, matched: Match, design: Design) -> dict[str, Line]:
    """Return pattern correlation, centred cosine and explained variance, all of which permute."""
    regressed = matched.regressed
    prediction, truth = (values - regressed.mean for values in (regressed.prediction, regressed.truth))
    varies = regressed.sd > 0
    patterns = identification.similarity(*(values[:, varies] / regressed.sd[varies] for values in (prediction, truth)))
    cosines = identification.similarity(prediction, truth, "cosine")
    squares = [np.square(values).sum(axis=1) for values in (prediction, truth)]
    errors = squares[0][:, None] + squares[1] - 2 * prediction @ truth.T
    # The mean over clips is 1 - sum of SSE / sum of SST, both about the training mean: each clip has its share of it.
    explained = 1.0 - errors / squares[1].mean()
    rows = {
        "pattern": (patterns, f"correlation over dims of the regressed target {step}, training z-scores", {}, -1.0),
        "cosine": (cosines, f"cosine of the regressed target {step}, training mean removed", {}, -1.0),
        "explained": (
            explained,
            f"share of the variance of {step} about the training mean that is explained",
            {"train_mean": 0.0},
            -np.inf,
        ),
    }
    scores = {
        name: matrix_score(matrix, design, NAME, chance=np.nan, below=below, ceiling=1.0, within=(least, 1.0))
        for name, (matrix, _, below, least) in rows.items()
    }
    return {f"{name}_{step}": Line(score, rows[name][1]) for name, score in scores.items()}
