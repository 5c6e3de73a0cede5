"""Further tables of a scores document as cells of text, and how numbers are written wherever scores are shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brainflix.report.words import column_title, metric_title
from brainflix.wording import count

INTERVAL = "interval"
MINUS, NONE, TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
# What may follow a column's name for its interval, which a document holds as `lo` and `hi`, and for its tests.
_TAILS = (INTERVAL, "p", "p_holm")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


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


def read_table(title: str, rows: Any) -> Table:
    """Read a list of {column: value}: columns of text first, then numbers, each followed by its interval and p.

    Else columns stand in the order of their first appearance. The limits of an interval become one column.
    """
    records = [_joined(as_mapping(row)) for row in as_list(rows)]
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
    """Return a number with fixed decimals and a true minus sign; an en dash for what is undefined."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 1e6:
        return _scientific(value)
    text = f"{value:.{decimals if abs(value) < 1000 else 0}f}"
    # A rounded zero has no sign
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text.replace("-", MINUS)


def format_p(p: float | None) -> str:
    """Return a p value: three decimals, or its power of ten where that would hide it."""
    if p is None or not math.isfinite(p):
        return NONE
    return f"{p:.3f}" if p >= 0.001 or p <= 0 else _scientific(p, 0)


def format_interval(line: Mapping[str, Any]) -> str:
    """Return the 95 % interval of a line of a document; where blocks are too few for one, how many there are."""
    limits = [number(each) for each in as_list(line.get("ci95"))]
    if len(limits) == 2 and None not in limits:
        return " … ".join(map(format_number, limits))
    blocks = line.get("n_clusters")
    return f"none ({count(blocks, 'block')})" if line.get("ci_method") == "none" and blocks else NONE


def format_group(size: int) -> str:
    """Return in how many ways clips can be exchanged; documents hold 2^53 for that many or more."""
    if size < 1e6:
        return str(size)
    return _scientific(size, 1) if size < 2**53 else f"\N{GREATER-THAN OR EQUAL TO}{_scientific(2**53, 1)}"


def _scientific(value: float, decimals: int = 2) -> str:
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    return f"{mantissa.replace('-', MINUS)}{TIMES}10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def number(value: Any) -> float | None:
    """Return `value` as a finite float, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def as_list(value: Any) -> Sequence[Any]:
    """Return a list or tuple, or an empty one for anything else."""
    return value if isinstance(value, (list, tuple)) else ()


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}
