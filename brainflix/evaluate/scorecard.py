"""What a protocol hands back: scores with what a reader must know of each, and the document that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.evaluate.comparison import holm
from brainflix.evaluate.score import Score
from brainflix.store.arrays import write_array
from brainflix.store.checks import write_json

FILE = "scores.json"


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the table.

    Attributes:
        score: the number and what makes it readable.
        about: one line that says what it is.
        primary: whether headlines may use it.
        unit: of the value, "" for none.
        higher_is_better: which direction is good; None where neither is.
    """

    score: Score
    about: str
    primary: bool = False
    unit: str = ""
    higher_is_better: bool | None = True

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values without the per-clip values, which are arrays of the artifact."""
        plain = {key: value for key, value in self.score.to_dict().items() if key != "per_clip"}
        return {**plain, "about": self.about, "unit": self.unit, "higher_is_better": self.higher_is_better}


def plain_table(lines: Mapping[str, Line]) -> dict[str, dict[str, Any]]:
    """Return the lines of one table as plain JSON values, each with `p_holm`, its p adjusted over that table.

    Every line that has a p is a chance of a lucky find, so all count (docs/scoring.md, Holm); `p_holm` is None
    where p is.
    """
    adjusted = holm(np.array([line.score.p for line in lines.values()], np.float64))
    values = [None if np.isnan(p) else float(p) for p in adjusted]
    return {name: {**line.to_dict(), "p_holm": p} for (name, line), p in zip(lines.items(), values, strict=True)}


@dataclass(frozen=True, eq=False)
class Scorecard:
    """All scores of one evaluation.

    Attributes:
        protocol: name of the frozen bundle of choices; it stands on every number.
        clip_ids: the clips that were evaluated, in the order of every `per_clip`.
        lines: by the metric's name, primary ones in the order of the headline.
        tables: further tables by title, each a list of {column: value}.
        details: what else the document says: how clips were compared, against what, by which weights.
        courses: time courses to be drawn, decoded and true by name, (n_clips, n_dims) each.
        subject, simulated: whose scores, and whether the brains are simulated; the stage fills them in.
    """

    protocol: str
    clip_ids: Sequence[str]
    lines: Mapping[str, Line]
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    courses: Mapping[str, np.ndarray] = field(default_factory=dict)
    subject: int | None = None
    simulated: bool = False

    def save(self, folder: Path) -> None:
        """Write scores.json and the per-clip values."""
        for name, line in self.lines.items():
            write_array(folder, f"per_clip/{name}", line.score.per_clip, dims=("clip",), layout="whole")
        for name, values in self.courses.items():
            write_array(folder, f"courses/{name}", values, dims=("clip", "dimension"), layout="whole")
        write_json(folder / FILE, self.document())

    def document(self) -> dict[str, Any]:
        """Return the content of scores.json, the same shape for every protocol."""
        return {
            "protocol": self.protocol,
            "subject": self.subject,
            "simulated": self.simulated,
            **self.details,
            "n_clips": len(self.clip_ids),
            "clip_ids": list(self.clip_ids),
            "primary": [name for name, line in self.lines.items() if line.primary],
            "scores": plain_table(self.lines),
            "tables": {title: list(rows) for title, rows in self.tables.items()},
            "notes": ["simulated data"] if self.simulated else [],
        }
