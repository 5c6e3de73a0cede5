"""Rows read fast: zarr copies every chunk several times, and training waits for a subject's rows.

Only the layout that `arrays` writes for rows is known here (zarr v3 shards of whole rows, uncompressed, crc32c);
anything else is left to zarr. Every chunk's checksum is compared, as zarr does.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec

_CRC_BYTES = 4
_THREADS = 2


@dataclass(frozen=True)
class _Shard:
    """A file, the rows that it holds, those of them that are wanted, and how many rows a chunk has."""

    file: Path
    start: int
    wanted: range
    rows: int
    step: int


def read_rows(
    array: zarr.Array[Any], folder: Path, start: int = 0, stop: int | None = None
) -> np.ndarray[Any, Any] | None:
    """Return rows of an array of the `rows` layout, all of them unless told; None if it is laid out otherwise.

    Args:
        array: the opened array.
        folder: where its files lie.
        start: first row.
        stop: row before which to end.

    Raises:
        ValueError: a chunk is damaged or absent.
        OSError: a file cannot be read.
        MemoryError: it does not fit.
    """
    if not is_plain_rows(array):
        return None
    wanted = range(*slice(start, stop).indices(array.shape[0]))
    out = np.empty((len(wanted), *array.shape[1:]), array.dtype)
    # Reading and hashing leave Python's lock alone.
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(lambda shard: _read(shard, out, wanted.start), _shards(array, folder, wanted)):
            pass
    return out


def is_plain_rows(array: zarr.Array[Any]) -> bool:
    """Tell whether an array has the layout that is known here."""
    codecs: Any = getattr(array.metadata, "codecs", ())
    if len(codecs) != 1 or not isinstance(codecs[0], ShardingCodec) or array.ndim < 1 or not array.size:
        return False
    inner: Any = codecs[0].codecs
    index: Any = codecs[0].index_codecs
    plain = all(
        len(pair) == 2 and isinstance(pair[0], BytesCodec) and isinstance(pair[1], Crc32cCodec)
        for pair in (inner, index)
    )
    if not plain or array.shards is None or codecs[0].index_location.value != "end":
        return False
    whole_rows = tuple(array.chunks[1:]) == tuple(array.shards[1:]) == tuple(array.shape[1:])
    # One byte has no order; the codec says none then.
    ordered = array.dtype.itemsize == 1 or (inner[0].endian is not None and inner[0].endian.value == "little")
    return whole_rows and ordered and array.dtype.isnative


def shard_file(folder: Path, number: int, ndim: int) -> Path:
    """Return where the file of this number lies, of an array in `folder` with so many axes."""
    return folder.joinpath("c", str(number), *["0"] * (ndim - 1))


def _shards(array: zarr.Array[Any], folder: Path, wanted: range) -> Iterator[_Shard]:
    if not wanted:
        return
    assert array.shards is not None
    rows, step = array.shards[0], array.chunks[0]
    for number in range(wanted.start // rows, (wanted.stop - 1) // rows + 1):
        inside = range(max(wanted.start, number * rows), min(wanted.stop, (number + 1) * rows))
        yield _Shard(shard_file(folder, number, array.ndim), number * rows, inside, rows, step)


def _read(shard: _Shard, out: np.ndarray[Any, Any], first: int) -> None:
    """Read a shard's chunks straight into their rows; `out` begins with the row `first`."""
    n_chunks = shard.rows // shard.step
    chunk_bytes = shard.step * out[:1].nbytes
    with shard.file.open("rb", buffering=0) as file:
        index = _read_index(file, n_chunks, shard.file)
        for number, (offset, length) in enumerate(index.tolist()):
            start = shard.start + number * shard.step
            begin, end = max(start, shard.wanted.start), min(start + shard.step, shard.wanted.stop)
            if begin >= end:
                continue
            if length != chunk_bytes + _CRC_BYTES:
                raise ValueError(f"chunk {number} of {shard.file.name} is absent or has another size")
            kept = out[begin - first : end - first]
            file.seek(offset)
            # A chunk is read whole, for its checksum: its ends may be rows that are not wanted, or no rows at all.
            whole = kept if kept.nbytes == chunk_bytes else np.empty((shard.step, *out.shape[1:]), out.dtype)
            _fill(file, whole.reshape(-1).view(np.uint8).data)
            if _crc(whole) != int.from_bytes(file.read(_CRC_BYTES), "little"):
                raise ValueError(f"the checksum of chunk {number} of {shard.file.name} is wrong")
            if whole is not kept:
                kept[...] = whole[begin - start : end - start]


def _read_index(file: Any, n_chunks: int, path: Path) -> np.ndarray[Any, Any]:
    """Return offset and length of each chunk, (n_chunks, 2), from the end of a shard."""
    size = n_chunks * 16
    file.seek(-(size + _CRC_BYTES), 2)
    body = file.read(size)
    if google_crc32c.value(body) != int.from_bytes(file.read(_CRC_BYTES), "little"):
        raise ValueError(f"the index of {path.name} is damaged")
    return np.frombuffer(body, "<u8").reshape(n_chunks, 2)


def _fill(file: Any, view: memoryview) -> None:
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            raise ValueError("a file ends too early")
        done += count


def _crc(values: np.ndarray[Any, Any]) -> int:
    # The library takes an array's memory only if nobody may write through it.
    view = values.reshape(-1).view(np.uint8)
    view.flags.writeable = False
    result: int = google_crc32c.value(view)
    return result
