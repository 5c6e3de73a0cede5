"""Rows written as they come: into an array whose files hold many rows, each file written once if rows come in order."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
import zarr


class RowWriter:
    """Collects rows until a file of the array is full; to be used in a `with`, at whose end the rest is written.

    Args:
        array: an empty array of the `rows` layout.
    """

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array = array
        self._rows_per_file = int((array.shards or array.chunks)[0])
        self._held = np.empty((min(self._rows_per_file, array.shape[0]), *array.shape[1:]), array.dtype)
        self._start = self._stop = 0

    def __enter__(self) -> RowWriter:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is held, unless something failed."""
        if kind is None:
            self._flush()

    def put(self, row: int, values: np.ndarray[Any, Any]) -> None:
        """Take one row of the array; rows may come in any order, but fastest in the array's own."""
        if row != self._stop or row % self._rows_per_file == 0:
            self._flush()
            self._start = self._stop = row
        self._held[row - self._start] = values
        self._stop += 1

    def _flush(self) -> None:
        if self._stop > self._start:
            self._array[self._start : self._stop] = self._held[: self._stop - self._start]
        self._start = self._stop
