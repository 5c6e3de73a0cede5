"""A scores document as rows that a reader can trust: excess over chance, which baselines it beats, and how surely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from brainflix.errors import DataError
from brainflix.report.tables import (
    MINUS,
    NONE,
    TIMES,
    Table,
    as_list,
    as_mapping,
    format_group,
    format_interval,
    format_number,
    format_p,
    number,
    read_table,
)
from brainflix.report.words import metric_title

__all__ = ["MINUS", "NONE", "TIMES", "Row", "Sheet", "Table", "format_number", "format_p", "headline", "number"]
__all__ += ["format_group", "format_interval", "reference"]
__all__ += ["read_sheet", "read_table", "uses_truth"]


@dataclass(frozen=True)
class Row:
    """One metric of one subject; a number is None where it is undefined or was not measured.

    Attributes:
        metric, about, unit: name, one line about it, and its unit.
        primary, higher_is_better: whether the protocol leads with it, and which direction is good, None for neither.
        value, chance, chance_analytic, lo, hi, p, p_holm, ceiling: the value, chance by strangers and by theory, the
            limits of the 95 % interval, the permutation test's p, the same adjusted over the table, the oracle's value.
        reference: the chance level that counts, that of theory or of strangers.
        interval: the limits as text, or how few blocks there are.
        p_min, n_group: smallest p that the test can give, and number of exchanges, as text.
        n, n_nan: clips with a value and without.
        notes: what must be known of interval and p.
        baselines: value of each trivial baseline.
    """

    metric: str
    about: str
    unit: str
    primary: bool
    higher_is_better: bool | None
    value: float | None
    chance: float | None
    chance_analytic: float | None
    reference: float | None
    lo: float | None
    hi: float | None
    interval: str
    p: float | None
    p_holm: float | None
    p_min: float | None
    n_group: str
    ceiling: float | None
    n: int | None
    n_nan: int | None
    notes: tuple[str, ...]
    baselines: Mapping[str, float | None]

    @property
    def title(self) -> str:
        """What people call the metric."""
        return metric_title(self.metric)

    @property
    def direction(self) -> tuple[str, str]:
        """An arrow and what it means; empty where neither direction is good."""
        if self.higher_is_better is None:
            return "", ""
        return (
            ("\N{UPWARDS ARROW}", "higher is better")
            if self.higher_is_better
            else ("\N{DOWNWARDS ARROW}", "lower is better")
        )

    @property
    def excess(self) -> float | None:
        """How much better than chance, positive for better whatever the metric's direction; None for neither."""
        if self.value is None or self.reference is None or self.higher_is_better is None:
            return None
        return (self.value - self.reference) * (1 if self.higher_is_better else -1)

    @property
    def rivals(self) -> list[float]:
        """Chance and the baselines that a decoder should beat, as far as they are known."""
        fair = [value for name, value in self.baselines.items() if not uses_truth(name)]
        return [each for each in (self.reference, *fair) if each is not None]

    def beats(self, other: float | None, own: float | None) -> bool:
        """Say whether `own` is strictly better than `other`; false where either is unknown, or nothing is better."""
        if own is None or other is None or self.higher_is_better is None:
            return False
        return own > other if self.higher_is_better else own < other

    @property
    def mark(self) -> str:
        """Return "interval" if the whole interval beats chance and baselines, "value" if the value does, else ""."""
        if self.reference is None or not all(self.beats(each, self.value) for each in self.rivals):
            return ""
        near = self.lo if self.higher_is_better else self.hi
        return "interval" if all(self.beats(each, near) for each in self.rivals) else "value"

    @property
    def beaten_by(self) -> frozenset[str]:
        """Names of the baselines without the truth that are as good as the value, or better."""
        if self.value is None or self.higher_is_better is None:
            return frozenset()
        fair = {name: each for name, each in self.baselines.items() if each is not None and not uses_truth(name)}
        return frozenset(name for name, each in fair.items() if not self.beats(each, self.value))


def reference(line: Mapping[str, Any]) -> float | None:
    """Return the chance level that counts: the one that the line names; older documents mean the measured one.

    Where that is not known, the other.
    """
    strangers, theory = number(line.get("chance")), number(line.get("chance_analytic"))
    first, second = (theory, strangers) if line.get("chance_from") == "theory" else (strangers, theory)
    return second if first is None else first


def uses_truth(baseline: str) -> bool:
    """Say whether a baseline is made with the truth (`truth_first`): a scale to read by, which no decoder need beat."""
    return baseline.startswith("truth")


@dataclass(frozen=True)
class Sheet:
    """All scores of one subject under one protocol, primary metrics first."""

    ref: str
    subject: int | None
    step: str
    protocol: str
    simulated: bool
    n_clips: int | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def title(self) -> str:
        """What the table is of."""
        who = "All subjects" if self.subject is None else f"Subject {self.subject}"
        return f"{who}, {self.step}" if self.step else who

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of all baselines, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.baselines))


def read_sheet(document: Any, *, ref: str, step: str = "") -> Sheet:
    """Read the content of a scores.json; what it lacks becomes None or empty.

    Raises:
        DataError: it is not a scores document.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("scores"), Mapping):
        raise DataError(f"{ref}: scores.json holds no scores")
    primary = [str(name) for name in as_list(document.get("primary"))]
    scores = document["scores"]
    names = [*(name for name in primary if name in scores), *(name for name in scores if name not in primary)]
    return Sheet(
        ref=ref,
        subject=_integer(document.get("subject")),
        step=step,
        protocol=str(document.get("protocol", "")),
        simulated=bool(document.get("simulated", False)),
        n_clips=_integer(document.get("n_clips")),
        rows=tuple(_row(name, scores[name], name in primary) for name in names),
        notes=tuple(str(note) for note in as_list(document.get("notes"))),
        tables=tuple(read_table(str(title), rows) for title, rows in as_mapping(document.get("tables")).items()),
    )


def _row(metric: str, score: Any, primary: bool) -> Row:
    body = as_mapping(score)
    limits = [number(each) for each in as_list(body.get("ci95"))]
    lo, hi = limits if len(limits) == 2 else (None, None)
    direction, n_group = body.get("higher_is_better", True), _integer(body.get("n_group"))
    return Row(
        metric=metric,
        about=str(body.get("about") or ""),
        unit=str(body.get("unit") or ""),
        primary=primary,
        higher_is_better=None if direction is None else bool(direction),
        value=number(body.get("value")),
        chance=number(body.get("chance")),
        chance_analytic=number(body.get("chance_analytic")),
        reference=reference(body),
        lo=lo,
        hi=hi,
        interval=format_interval(body),
        p=number(body.get("p")),
        p_holm=number(body.get("p_holm")),
        p_min=number(body.get("p_min")),
        n_group=format_group(n_group) if n_group else "",
        ceiling=number(body.get("ceiling")),
        n=_integer(body.get("n")),
        n_nan=_integer(body.get("n_nan")),
        notes=tuple(str(note) for note in as_list(body.get("notes"))),
        baselines={str(name): number(each) for name, each in as_mapping(body.get("baselines")).items()},
    )


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def headline(sheets: Iterable[Sheet]) -> list[tuple[str, list[Row | None]]]:
    """Return each primary metric with its row of every sheet (None where a sheet lacks it), for the summary."""
    pages = list(sheets)
    names = dict.fromkeys(row.metric for sheet in pages for row in sheet.rows if row.primary)
    found = [{row.metric: row for row in sheet.rows} for sheet in pages]
    return [(name, [rows.get(name) for rows in found]) for name in names]
