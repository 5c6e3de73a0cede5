"""Runs, or what stands for them, put together to a subject's responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.scratch import give_back
from brainflix.store.clips import Clips
from brainflix.store.responses import Responses


@dataclass(frozen=True, eq=False)
class Space:
    """What columns mean: `structure` and `area` (text) and `index` of each, as in `Responses`."""

    structure: tuple[str, ...]
    index: np.ndarray
    area: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.structure)


@dataclass(frozen=True, eq=False)
class Run:
    """Rows of one run in time order, or one repeat of a set of trials.

    Attributes:
        name: of the run.
        rows: float32 array of shape (n_rows, n_columns).
        clip: place of each row's clip in the table, -1 for a volume that answers none, (n_rows,).
        repeat: of each row, from 1, (n_rows,), or of all.
    """

    name: str
    rows: np.ndarray
    clip: np.ndarray
    repeat: np.ndarray | int = 1


def gather(runs: Iterable[Run], rows: np.ndarray) -> dict[str, Any]:
    """Copy runs one after the other into `rows` (n_most_rows, n_columns), which may lie on disk.

    Returns:
        the fields `response`, `clip`, `repeat`, `run` and `run_names` of `Responses`; `response` ends with the last
        run, which is earlier where runs were left out as copies.

    Raises:
        DataError: the runs have more rows, or another number of columns.
    """
    clip, repeat, run, names = [], [], [], []
    end = 0
    for number, each in enumerate(runs):
        start, end = end, end + len(each.rows)
        if end > len(rows) or each.rows.shape[1:] != rows.shape[1:] or len(each.clip) != len(each.rows):
            raise DataError(f"run {each.name} has rows {each.rows.shape} and {len(each.clip)} clips for {rows.shape}")
        rows[start:end] = each.rows
        give_back(rows)
        clip.append(each.clip)
        repeat.append(np.broadcast_to(each.repeat, len(each.rows)))
        run.append(np.full(len(each.rows), number))
        names.append(each.name)
    tables = {"clip": clip, "repeat": repeat, "run": run}
    joined = {name: np.concatenate(parts) if parts else np.zeros(0, int) for name, parts in tables.items()}
    return {"response": rows[:end], **joined, "run_names": tuple(names)}


def responses(
    runs: Sequence[Run],
    clips: Clips,
    space: Space,
    *,
    masks: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray] | None = None,
) -> Responses:
    """Put runs that fit into memory together; `masks` and `stats` are (n_columns,) each."""
    rows = np.empty((sum(len(run.rows) for run in runs), len(space)), np.float32)
    return Responses(
        **gather(runs, rows),
        clips=clips,
        structure=space.structure,
        index=space.index,
        area=space.area,
        stats=dict(stats or {}),
        masks=dict(masks),
    )
