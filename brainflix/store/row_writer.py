"""Rows written as they come, straight into the files of an array of the `rows` layout: a chunk at most in memory.

The bytes are those that zarr writes (v3 shards of whole rows, uncompressed, crc32c), without its several copies.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Any

import google_crc32c
import numpy as np
import zarr

from brainflix.store.complete import ARRAYS
from brainflix.store.row_files import is_plain_rows, shard_file

_ABSENT = 2**64 - 1


class RowWriter:
    """Writes the rows of an empty array in their order; to be used in a `with`, within which all rows must come.

    Args:
        folder: the staging folder that the array was made in.
        array: an empty array of the `rows` layout.
    """

    def __init__(self, folder: Path, array: zarr.Array[Any]) -> None:
        assert is_plain_rows(array) and array.shards is not None
        self._folder, self._array = folder / ARRAYS / array.path, array
        self._shard_rows, self._chunk_rows = int(array.shards[0]), int(array.chunks[0])
        self._chunk = np.empty((self._chunk_rows, *array.shape[1:]), array.dtype)
        self._index = np.empty((0, 2), "<u8")
        self._file: IO[bytes] | None = None
        self._count = 0

    def __enter__(self) -> RowWriter:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the last file; where rows are absent its index says so, and publishing refuses the array."""
        if self._file is not None:
            self._write_index()

    def put(self, row: np.ndarray[Any, Any]) -> None:
        """Write the next row.

        Raises:
            OSError: the disk refuses.
        """
        self._chunk[self._count % self._chunk_rows] = row
        self._count += 1
        last = self._count == self._array.shape[0]
        if last or self._count % self._chunk_rows == 0:
            self._write_chunk()
        if last or self._count % self._shard_rows == 0:
            self._write_index()

    def _write_chunk(self) -> None:
        """Append the chunk to its file; a last one that is not full ends in fill values."""
        filled = (self._count - 1) % self._chunk_rows + 1
        self._chunk[filled:] = self._array.fill_value
        place = (self._count - 1) % self._shard_rows // self._chunk_rows
        if self._file is None:
            path = shard_file(self._folder, (self._count - 1) // self._shard_rows, self._array.ndim)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb")
            self._index = np.full((self._shard_rows // self._chunk_rows, 2), _ABSENT, "<u8")
        start = self._file.tell()
        _write_checked(self._file, self._chunk)
        self._index[place] = start, self._file.tell() - start

    def _write_index(self) -> None:
        assert self._file is not None
        _write_checked(self._file, self._index)
        self._file.close()
        self._file = None


def _write_checked(file: IO[bytes], values: np.ndarray[Any, Any]) -> None:
    body = values.reshape(-1).view(np.uint8)
    file.write(body.data)
    # The library takes an array's memory only if nobody may write through it.
    body.flags.writeable = False
    file.write(int(google_crc32c.value(body)).to_bytes(4, "little"))
