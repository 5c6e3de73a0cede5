"""How names that are near, numbers of things, sizes and durations are said, to people and on pages alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def suggest(wrong: str, known: Iterable[object]) -> str:
    """Return "did you mean 'x'?" for the nearest of `known`, or an empty string when nothing is near."""
    near = difflib.get_close_matches(wrong, sorted(str(name) for name in known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def did_you_mean(wrong: str, known: Iterable[object]) -> str:
    """Return the nearest name as `suggest` says it, or the list of all names if none is near."""
    names = sorted(str(name) for name in known)
    return suggest(wrong, names) or f"known: {', '.join(names) or 'none'}"


def count(number: int, one: str, many: str = "") -> str:
    """Return how many there are of something: `1 clip`, `2 clips`; `many` where the plural is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def few(names: Sequence[object], most: int = 3) -> str:
    """Return the first names and how many more there are: `a, b, c and 4 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name) for name in names[:most]) + more


def format_bytes(size: int) -> str:
    """Return a size in the decimal unit, as disks are sold, that leaves at most three digits before the point."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it: 0.4 s, 12 s, 3 min 05 s, 2 h 07 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def shortened(text: str, most: int = 200) -> str:
    """Return a text of at most `most` characters, its middle left out where it is longer."""
    half = (most - 5) // 2
    return text if len(text) <= most else f"{text[:half]} ... {text[-half:]}"
