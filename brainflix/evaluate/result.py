"""What `score` found: lines by metric, and what could not be scored, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from brainflix.evaluate.nway_curve import Curve
from brainflix.evaluate.scorecard import Line

# End of the name of a line that stands beside another where clips come in blocks.
ACROSS = "_across_blocks"


@dataclass
class Result:
    """Lines by metric, what was left out ({metric, status, next}), and N-way accuracy over n by classifier."""

    lines: dict[str, Line] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)

    def skip(self, metrics: Iterable[str], why: str, next: str) -> None:
        """Note metrics that cannot be computed."""
        self.skipped += [{"metric": name, "status": f"skipped: {why}", "next": next} for name in metrics]

    def pass_bars(self, metrics: Iterable[str], bars: Iterable[tuple[Collection[str], bool, str, str]]) -> list[str]:
        """Return the metrics that no bar holds back, and note the others by the first that does.

        Args:
            metrics: names.
            bars: for each, the names that it holds back, whether it does, why, and what to do about it.
        """
        left = list(metrics)
        for names, applies, why, advice in bars:
            barred = [name for name in left if applies and name in names]
            self.skip(barred, why, advice)
            left = [name for name in left if name not in barred]
        return left

    def sort(self, order: Sequence[str]) -> None:
        """Put lines and what was left out into the order of these names."""
        place = {name: number for number, name in enumerate(order)}
        self.lines = dict(sorted(self.lines.items(), key=lambda each: place[each[0].removesuffix(ACROSS)]))
        self.skipped.sort(key=lambda each: place[each["metric"]])
