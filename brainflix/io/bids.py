"""BIDS: tables of events, and what a file's name says."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.errors import DataError, MissingError


@dataclass(frozen=True, eq=False)
class Events:
    """Events of a run in the file's order.

    Attributes:
        onset_s, duration_s: arrays of shape (n_events,), NaN where the file says n/a.
        columns: every other column by name, as text; "" where the file says n/a.
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    columns: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.onset_s)

    def column(self, name: str) -> tuple[str, ...]:
        """Return a column.

        Raises:
            DataError: there is none of this name.
        """
        if name not in self.columns:
            raise DataError(f"the events have no column {name!r}", why=f"they have {', '.join(self.columns)}")
        return self.columns[name]

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as numbers (n_events,), NaN where there are none.

        Raises:
            DataError: there is no such column, or it holds something else than numbers.
        """
        return np.array([_number(text, name) for text in self.column(name)])


def read_events(path: Path) -> Events:
    """Read a table of events.

    Raises:
        MissingError: no such file.
        DataError: no onset and duration, rows of different lengths, or a time that is no number.
    """
    names, rows = read_tsv(path)
    if names[:2] != ["onset", "duration"]:
        raise DataError(f"{path.name} is not a table of events", why="its first columns are not onset and duration")
    columns = {name: tuple(row[at] for row in rows) for at, name in enumerate(names)}
    onset, duration = (np.array([_number(text, name) for text in columns.pop(name)]) for name in names[:2])
    return Events(onset, duration, columns)


def read_tsv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read a table of BIDS: the names of its columns, and its rows as text with "" for n/a.

    Raises:
        MissingError: no such file.
        DataError: it is not such a table.
    """
    if not path.is_file():
        raise MissingError(f"no file at {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            names, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    except (ValueError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is not a readable table", why=str(error)) from error
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise DataError(f"line {number} of {path.name} has {len(row)} fields instead of {len(names)}")
    return names, [["" if field == "n/a" else field for field in row] for row in rows]


def _number(text: str, column: str) -> float:
    if text == "":
        return math.nan
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"{text!r} in column {column} is no number") from error
