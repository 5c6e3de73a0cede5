"""Rows that wait in the store until all of them are there, so that a killed job loses its last block at most.

They wait in the folder that `spools.rows_folder` names, which belongs to one job on the very bytes of its inputs, and
outlives the process. Each block of rows is one file, whose name says which rows it holds and the digest of its bytes:
the listing of the folder is the journal. A block gets its name by a rename and never changes after, so that any number
of processes may do the same job at once: they add whole blocks, take one another's, and go on with what they hold when
another one has finished and cleared the folder. A block whose bytes are not those of its digest counts as absent.
"""

from __future__ import annotations

import bisect
import hashlib
import io
import math
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.scratch import give_back, write_npy
from brainflix.store import disk

# Each process that finishes the same or a neighbouring artifact clears a folder once; nobody runs this many.
_TRIES = 100
_BLOCK = re.compile(r"(\d{9})-(\d{9})\.([0-9a-f]{64})\.npy")


@dataclass(frozen=True)
class _Block:
    """Rows `start` to `stop`: `values` (stop - start, *shape), mapped from the disk or in memory."""

    start: int
    stop: int
    values: np.ndarray[Any, Any]


class Spool:
    """The rows of one artifact that are there already; more are added block by block.

    Attributes:
        folder: where the blocks lie.
        dtype: type of the values; blocks of another type are passed over.
        mapped: whether rows stay on disk until they are read; each block then holds a file open. Else memory has them.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any], *, mapped: bool = True) -> None:
        self.folder, self.dtype, self.mapped = folder, dtype, mapped
        self._blocks: list[_Block] = []
        self._seen: set[str] = set()

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of one row; None before the first block."""
        return tuple(self._blocks[0].values.shape[1:]) if self._blocks else None

    def holds(self, start: int, stop: int) -> bool:
        """Tell whether every row from `start` to before `stop` is there, in whole and undamaged blocks."""
        if self._covered(start, stop):
            return True
        self._take_new()
        return self._covered(start, stop)

    def add(self, start: int, values: np.ndarray[Any, Any]) -> None:
        """Write the rows from `start` on, `values` (n, *shape), as one block.

        Raises:
            OSError: the disk refuses.
        """
        stop = start + len(values)
        part, digest, held = self._write(np.ascontiguousarray(values, self.dtype))
        # Held before it has its name: from then on nobody can take it away.
        self._keep(start, stop, held)
        name = f"{start:09d}-{stop:09d}.{digest}.npy"
        self._seen.add(name)
        # Where another process has published the artifact and cleared the folder, the rows stay held all the same.
        with suppress(FileNotFoundError):
            os.replace(part, self.folder / name)

    def rows(self, n_rows: int) -> np.ndarray[Any, Any]:
        """Return all rows, (n_rows, *shape); all must be there, and at least one."""
        shape = self.shape
        assert shape is not None
        # (n_rows, width) -> (n_rows, *shape)
        return self.columns(n_rows, 0, math.prod(shape)).reshape(n_rows, *shape)

    def columns(self, n_rows: int, first: int, last: int) -> np.ndarray[Any, Any]:
        """Return the columns `first` to before `last` of rows that are flattened, of all rows: (n_rows, last - first).

        All rows must be there.
        """
        out = np.empty((n_rows, last - first), self.dtype)
        place = 0
        for block in self._cover(0, n_rows):
            take = slice(place - block.start, min(block.stop, n_rows) - block.start)
            rows = block.values.reshape(len(block.values), -1)[take, first:last]
            out[place : place + len(rows)] = rows
            place += len(rows)
            give_back(block.values)
        return out

    def _covered(self, start: int, stop: int) -> bool:
        return max((block.stop for block in self._cover(start, stop)), default=start) >= stop

    def _cover(self, start: int, stop: int) -> Iterator[_Block]:
        """Yield blocks that hold the rows from `start` on without a gap, as far as there are any; they may overlap."""
        place, best = start, None
        for block in self._blocks:
            if block.start > place:
                # Nothing after this one starts earlier, so the furthest of those before has to do.
                if best is not None and best.stop > place:
                    yield best
                    place = best.stop
                if block.start > place or place >= stop:
                    return
            if best is None or block.stop > best.stop:
                best = block
        if best is not None and place < min(best.stop, stop):
            yield best

    def _take_new(self) -> None:
        """Map the blocks that were left here, by whichever process."""
        for path in disk.entries_of(self.folder):
            named = _BLOCK.fullmatch(path.name)
            if named is None or path.name in self._seen:
                continue
            self._seen.add(path.name)
            values = _mapped(path, named[3]) if self.mapped else _read(path, named[3])
            start, stop = int(named[1]), int(named[2])
            if values is not None and values.dtype == self.dtype and len(values) == stop - start:
                self._keep(start, stop, values)

    def _keep(self, start: int, stop: int, values: np.ndarray[Any, Any]) -> None:
        if self.shape in (None, tuple(values.shape[1:])):
            bisect.insort(self._blocks, _Block(start, stop, values), key=lambda block: block.start)

    def _write(self, values: np.ndarray[Any, Any]) -> tuple[Path, str, np.ndarray[Any, Any]]:
        """Write a block under a name that is nobody else's; return its path, its digest and its values."""
        part = self.folder / f"{uuid.uuid4().hex}.part"
        tries_left = _TRIES
        while True:
            try:
                disk.make_folders(self.folder, sync=False)
                with part.open("xb") as file:
                    write_npy(file, values)
                held = np.load(part, mmap_mode="r", allow_pickle=False) if self.mapped else values
                return part, disk.hash_file(part)[1], held
            except FileNotFoundError:
                # Another process cleared the folder, or one above it that was empty, between two of these lines.
                tries_left -= 1
                if not tries_left:
                    raise
            except BaseException:
                # What is half written would count as kept, and a full disk would fill up further.
                part.unlink(missing_ok=True)
                raise


def _read(path: Path, digest: str) -> np.ndarray[Any, Any] | None:
    """Return the values of a block, in memory; None if it is damaged or gone."""
    try:
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != digest:
            return None
        values: np.ndarray[Any, Any] = np.load(io.BytesIO(body), allow_pickle=False)
        return values
    except (OSError, ValueError, EOFError):
        return None


def _mapped(path: Path, digest: str) -> np.ndarray[Any, Any] | None:
    """Return the mapped values of a block; None if it is damaged or gone."""
    try:
        values: np.ndarray[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return values if disk.hash_file(path)[1] == digest else None
    except (OSError, ValueError, EOFError):
        return None
