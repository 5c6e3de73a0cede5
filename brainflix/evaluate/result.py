"""What scoring found: lines by metric, and what could not be scored, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brainflix.evaluate.metric_params import ACROSS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from brainflix.evaluate.nway_curve import Curve
    from brainflix.evaluate.scorecard import Line


@dataclass
class Result:
    """What came out.

    Attributes:
        lines: by metric.
        values: by metric and video set, the clips' values, (n_clips,) each.
        skipped: what was left out, {metric, status, next}.
        curves: N-way accuracy over n, by classifier.
    """

    lines: dict[str, Line] = field(default_factory=dict)
    values: dict[str, dict[str, NDArray[np.float64]]] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)

    def skip(self, metrics: Iterable[str], why: str, next: str) -> None:
        """Note metrics that cannot be computed."""
        self.skipped += [{"metric": name, "status": f"skipped: {why}", "next": next} for name in metrics]

    def sort(self, order: Sequence[str]) -> None:
        """Put lines and what was left out into the order of these names."""
        place = {name: number for number, name in enumerate(order)}
        self.lines = dict(sorted(self.lines.items(), key=lambda each: place[each[0].removesuffix(ACROSS)]))
        self.skipped.sort(key=lambda each: place[each["metric"]])
