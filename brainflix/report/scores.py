"""A scores document as rows that a reader can trust: excess over chance, which baselines it beats, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brainflix.errors import DataError
from brainflix.report.words import column_title, metric_title

INTERVAL = "interval"
MINUS, NONE, TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
# What may follow a column's name for its interval, which a document holds as `lo` and `hi`, and for its tests.
_TAILS = (INTERVAL, "p", "p_holm")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Row:
    """One metric of one subject; a number is None where it is undefined or was not measured.

    Attributes:
        metric, about, unit: name, one line about it, and its unit.
        primary, higher_is_better: whether the protocol leads with it, and which direction is good.
        value, chance, chance_analytic, lo, hi, p, p_holm, ceiling: the value, chance by re-pairing and by theory, the
            limits of the 95 % interval, the re-pairing test's p, the same adjusted over the table, the oracle's value.
        n, n_nan: clips with a value and without.
        baselines: value of each trivial baseline.
    """

    metric: str
    about: str
    unit: str
    primary: bool
    higher_is_better: bool
    value: float | None
    chance: float | None
    chance_analytic: float | None
    lo: float | None
    hi: float | None
    p: float | None
    p_holm: float | None
    ceiling: float | None
    n: int | None
    n_nan: int | None
    baselines: Mapping[str, float | None]

    @property
    def title(self) -> str:
        """What people call the metric."""
        return metric_title(self.metric)

    @property
    def reference(self) -> float | None:
        """Chance by re-pairing, or by theory where that was not measured."""
        return self.chance if self.chance is not None else self.chance_analytic

    @property
    def excess(self) -> float | None:
        """How much better than chance, positive for better whatever the metric's direction."""
        if self.value is None or self.reference is None:
            return None
        return (self.value - self.reference) * (1 if self.higher_is_better else -1)

    @property
    def rivals(self) -> list[float]:
        """Chance and the baselines that a decoder should beat, as far as they are known."""
        fair = [value for name, value in self.baselines.items() if not uses_truth(name)]
        return [each for each in (self.reference, *fair) if each is not None]

    def beats(self, other: float | None, own: float | None) -> bool:
        """Say whether `own` is strictly better than `other`; false where either is unknown."""
        if own is None or other is None:
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
        if self.value is None:
            return frozenset()
        fair = {name: each for name, each in self.baselines.items() if each is not None and not uses_truth(name)}
        return frozenset(name for name, each in fair.items() if not self.beats(each, self.value))


def uses_truth(baseline: str) -> bool:
    """Say whether a baseline is made with the truth (`truth_first`): a scale to read by, which no decoder need beat."""
    return baseline.startswith("truth")


@dataclass(frozen=True)
class Table:
    """A further table: its title, its columns, and rows of cells (text, whether it is a number)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, bool], ...], ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """What each column holds, in plain words."""
        return tuple(map(column_title, self.columns))


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
    primary = [str(name) for name in _list(document.get("primary"))]
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
        notes=tuple(str(note) for note in _list(document.get("notes"))),
        tables=tuple(read_table(str(title), rows) for title, rows in _mapping(document.get("tables")).items()),
    )


def _row(metric: str, score: Any, primary: bool) -> Row:
    body = _mapping(score)
    limits = [number(each) for each in _list(body.get("ci95"))]
    lo, hi = limits if len(limits) == 2 else (None, None)
    return Row(
        metric=metric,
        about=str(body.get("about") or ""),
        unit=str(body.get("unit") or ""),
        primary=primary,
        higher_is_better=bool(body.get("higher_is_better", True)),
        value=number(body.get("value")),
        chance=number(body.get("chance")),
        chance_analytic=number(body.get("chance_analytic")),
        lo=lo,
        hi=hi,
        p=number(body.get("p")),
        p_holm=number(body.get("p_holm")),
        ceiling=number(body.get("ceiling")),
        n=_integer(body.get("n")),
        n_nan=_integer(body.get("n_nan")),
        baselines={str(name): number(each) for name, each in _mapping(body.get("baselines")).items()},
    )


def read_table(title: str, rows: Any) -> Table:
    """Read a list of {column: value}: columns of text first, then numbers, each followed by its interval and p.

    Else columns stand in the order of their first appearance. The limits of an interval become one column.
    """
    records = [_joined(_mapping(row)) for row in _list(rows)]
    names = dict.fromkeys(str(name) for record in records for name in record)
    text = {name for name in names if any(isinstance(record.get(name), str) for record in records)}
    columns = tuple(sorted(names, key=lambda name: (name not in text, *_family(name, names))))
    cells = tuple(tuple(_cell(record.get(name), name) for name in columns) for record in records)
    return Table(title, columns, cells)


def _joined(record: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a record with the two limits of every interval as one value, under the name of the column for both."""
    found = {str(name): value for name, value in record.items()}
    for name in [name for name in found if name == "lo" or name.endswith("_lo")]:
        stem = name.removesuffix("lo")
        if f"{stem}hi" in found:
            found[f"{stem}{INTERVAL}"] = (found.pop(name), found.pop(f"{stem}hi"))
    return found


def _family(name: str, names: Iterable[str]) -> tuple[bool, str, int]:
    """Return the key that puts `gain_interval` and `gain_p` behind `gain`, and those of no column behind the plain."""
    for rank, tail in enumerate(_TAILS, start=1):
        if name == tail:
            return False, "", rank
        if name.endswith(f"_{tail}"):
            return True, name.removesuffix(f"_{tail}"), rank
    return (True, name, 0) if f"{name}_{_TAILS[0]}" in names else (False, "", 0)


def _cell(value: Any, column: str) -> tuple[str, bool]:
    if value is None:
        return NONE, True
    if isinstance(value, tuple):
        limits = [number(each) for each in value]
        return (NONE if None in limits else " to ".join(map(format_number, limits))), True
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return str(value).replace("-", MINUS), True
    if isinstance(value, float):
        is_p = column.endswith(("_p", "_p_holm")) or column in ("p", "p_holm")
        return (format_p if is_p else format_number)(number(value)), True
    return (metric_title(value) if column == "metric" and isinstance(value, str) else str(value)), False


def format_number(value: float | None, decimals: int = 3) -> str:
    """Return a number with fixed decimals and a true minus sign; an en dash for None."""
    if value is None:
        return NONE
    if abs(value) >= 1e6:
        return _scientific(value)
    text = f"{value:.{decimals if abs(value) < 1000 else 0}f}"
    # A rounded zero has no sign
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text.replace("-", MINUS)


def format_p(p: float | None) -> str:
    """Return a p value: three decimals, or its power of ten where that would hide it."""
    if p is None:
        return NONE
    return f"{p:.3f}" if p >= 0.001 or p <= 0 else _scientific(p, 0)


def _scientific(value: float, decimals: int = 2) -> str:
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    return f"{mantissa.replace('-', MINUS)}{TIMES}10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def number(value: Any) -> float | None:
    """Return `value` as a finite float, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def headline(sheets: Iterable[Sheet]) -> list[tuple[str, list[Row | None]]]:
    """Return each primary metric with its row of every sheet (None where a sheet lacks it), for the summary."""
    pages = list(sheets)
    names = dict.fromkeys(row.metric for sheet in pages for row in sheet.rows if row.primary)
    found = [{row.metric: row for row in sheet.rows} for sheet in pages]
    return [(name, [rows.get(name) for rows in found]) for name in names]
