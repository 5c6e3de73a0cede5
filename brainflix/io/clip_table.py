"""clips.csv: where the clips of a folder lie in their film, and how fast they run.

`store export` writes it beside the frames; anybody may put one into a folder of his own.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.wording import count

FILE = "clips.csv"
COLUMNS = ("clip", "segment", "onset_s", "split", "fps_hz")
# Where the frames lie of a folder that was exported; other folders hold their clips beside the table.
FRAMES = "frames"
TRAIN = "train"


@dataclass(frozen=True, eq=False)
class ClipTable:
    """Clips of a folder.

    Attributes:
        ids: of the clips.
        segment: the film, or part of one, that each was cut from; empty where nobody knows.
        onset_s: array of shape (n_clips,), start within the segment in seconds; empty where nobody knows.
        split: "train", "val" or "test" for each; empty where nobody knows.
        fps_hz: frames per second of all; None where nobody knows.
    """

    ids: tuple[str, ...]
    segment: tuple[str, ...] = ()
    onset_s: NDArray[np.float64] | None = None
    split: tuple[str, ...] = ()
    fps_hz: float | None = None

    @property
    def has_film(self) -> bool:
        """Whether segment and onset are known."""
        return bool(self.segment) and self.onset_s is not None

    def of_training(self) -> tuple[str, ...]:
        """Return the ids of the training clips."""
        return tuple(name for name, split in zip(self.ids, self.split, strict=False) if split == TRAIN)

    def places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row (n,) of each of `ids`.

        Raises:
            DataError: a clip is not among them; it is named.
        """
        where = {each: place for place, each in enumerate(self.ids)}
        unknown = [each for each in ids if each not in where]
        if unknown:
            raise DataError(f"{count(len(unknown), 'clip')} unknown here", why=f"the first is {unknown[0]!r}")
        return np.array([where[each] for each in ids], np.int64)

    def write(self, folder: Path) -> None:
        """Write the table into a folder."""
        with (folder / FILE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row, name in enumerate(self.ids):
                onset = "" if self.onset_s is None else repr(float(self.onset_s[row]))
                rate = "" if self.fps_hz is None else repr(float(self.fps_hz))
                segment, split = (column[row] if column else "" for column in (self.segment, self.split))
                writer.writerow((name, segment, onset, split, rate))


def read_table(folder: Path) -> ClipTable | None:
    """Return the table of a folder, or None if it has none.

    Raises:
        DataError: it is not such a table; says where.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    rows = _rows(path)
    ids = tuple(row["clip"] for row in rows)
    if len(set(ids)) < len(ids):
        raise DataError(f"{path} names a clip twice")
    columns = {name: tuple(row.get(name) or "" for row in rows) for name in COLUMNS[1:]}
    known = {name: column for name, column in columns.items() if all(column)}
    onset = [_number(path, text) for text in known.get("onset_s", ())]
    # Onsets alone are those of one film.
    segment = known.get("segment", ("",) * len(onset))
    _check_film(path, columns)
    rates = {_number(path, text) for text in known.get("fps_hz", ())}
    return ClipTable(
        ids,
        segment,
        np.array(onset) if onset else None,
        columns["split"] if any(columns["split"]) else (),
        rates.pop() if len(rates) == 1 else None,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of the table by their columns; a byte order mark, as Excel writes it, is passed over.

    Raises:
        DataError: it is no such table, or a row has more fields than there are columns.
    """
    need = f"its columns are {', '.join(COLUMNS)}"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True)
            rows = list(table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no table of clips", why=str(error), next="save it as CSV in UTF-8") from error
    if not rows or "clip" not in rows[0]:
        raise DataError(f"{path} is no table of clips", why=need)
    if long := [number for number, row in enumerate(rows, start=2) if None in row]:
        raise DataError(f"row {long[0]} of {path} has more fields than there are columns", why=need)
    if short := [number for number, row in enumerate(rows, start=2) if not row["clip"]]:
        raise DataError(f"row {short[0]} of {path} names no clip", why=need)
    return rows


def _check_film(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Refuse segments or onsets of which a part is missing: without them clips would count as independent."""
    for name in ("segment", "onset_s"):
        if any(columns[name]) and not all(columns[name]):
            raise DataError(f"{path} has the {name} of some clips only", next="fill the column, or leave it empty")
    if any(columns["segment"]) and not any(columns["onset_s"]):
        raise DataError(f"{path} has segments without onset_s", why="the order of clips in a segment is not known")


def _number(path: Path, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{path} holds {text!r}", why="onsets and rates are finite numbers")
    return value
