"""Time courses: what the film had, and what the brain says, drawn over each other as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.report.tables import format_number, format_p, number
from brainflix.store.artifact import Artifact

_WIDTH, _HEIGHT, _GAP = 1000.0, 84.0, 14.0
# Standard deviations that the height of a figure stands for, on either side of the mean.
_SPREAD = 3.0


@dataclass(frozen=True)
class Course:
    """One dimension of one decoder: its name, what its score is, and the figure."""

    name: str
    said: str
    figure: Markup


@dataclass(frozen=True)
class CourseSheet:
    """The time courses of one subject, and the pieces of film that they go through."""

    title: str
    runs: tuple[str, ...]
    courses: tuple[Course, ...]


def read_courses(artifact: Artifact, document: Mapping[str, Any], title: str) -> CourseSheet | None:
    """Return the drawn time courses of a scores artifact; None where it has none.

    Args:
        artifact: of the scores.
        document: content of its scores.json.
        title: whose they are.

    Raises:
        DataError: values and clips differ in number.
    """
    about = document.get("courses")
    if not isinstance(about, Mapping):
        return None
    segment, onset = list(about["segment"]), np.asarray(about["onset_s"], np.float64)
    found: list[Course] = []
    for step, names in about["steps"].items():
        sides = [artifact.load(f"courses/{step}/{side}") for side in ("truth", "prediction")]
        if any(each.shape != (len(segment), len(names)) for each in sides):
            raise DataError(f"{artifact.ref}: time courses {sides[0].shape} of {len(segment)} clips")
        for name in [each for each in about["lead"] if each in names] or names[:6]:
            dim = names.index(name)
            truth, prediction = (each[:, dim] for each in sides)
            said = _said(document["scores"].get(f"r_{name}_{step}") or {})
            found.append(Course(name, said, draw(truth, prediction, segment, onset, f"{name}, {said}")))
    return CourseSheet(title, tuple(dict.fromkeys(segment)), tuple(found))


def _said(score: Mapping[str, Any]) -> str:
    return f"r = {format_number(number(score.get('value')))}, p = {format_p(number(score.get('p')))}"


def draw(
    truth: NDArray[Any], prediction: NDArray[Any], segment: Sequence[str], onset_s: NDArray[np.float64], title: str
) -> Markup:
    """Draw two time courses over each other, runs side by side.

    Args:
        truth, prediction: z-scored, (n_clips,) each, in the order of the film.
        segment: run of each clip; a run's clips stand together.
        onset_s: start of each clip in its run, (n_clips,).
        title: for readers who do not see the figure.
    """
    pieces, x = [], np.empty(len(segment))
    runs = [list(group) for _, group in groupby(range(len(segment)), key=lambda clip: segment[clip])]
    lengths = [float(onset_s[run[-1]] - onset_s[run[0]]) for run in runs]
    scale = (_WIDTH - _GAP * (len(runs) - 1)) / max(sum(lengths), 1.0)
    left = 0.0
    for run, length in zip(runs, lengths, strict=True):
        x[run] = left + (onset_s[run] - onset_s[run[0]]) * scale
        width = length * scale
        pieces.append(f'<rect class="run" x="{left:.1f}" y="0" width="{width:.1f}" height="{_HEIGHT:.0f}"/>')
        left += width + _GAP
    for kind, values in (("truth", truth), ("brain", prediction)):
        y = _HEIGHT / 2 * (1 - np.clip(values, -_SPREAD, _SPREAD) / _SPREAD)
        for run in runs:
            points = " ".join(f"{x[clip]:.1f},{y[clip]:.1f}" for clip in run)
            pieces.append(f'<polyline class="{kind}" points="{points}"/>')
    return Markup(
        f'<svg class="course" role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" '
        f'preserveAspectRatio="none" fill="none">{"".join(pieces)}</svg>'
    )
