"""Rows read whole and fast: zarr copies every chunk several times, and training waits for a subject's rows.

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
    """A file, the rows that it holds, and how many rows a chunk has."""

    file: Path
    start: int
    stop: int
    rows: int
    step: int


def read_rows(array: zarr.Array[Any], folder: Path) -> np.ndarray[Any, Any] | None:
    """Return a whole array of the `rows` layout; None if it is laid out otherwise.

    Args:
        array: the opened array.
        folder: where its files lie.

    Raises:
        ValueError: a chunk is damaged or absent.
        OSError: a file cannot be read.
        MemoryError: it does not fit.
    """
    if not _is_ours(array):
        return None
    out = np.empty(array.shape, array.dtype)
    # Reading and hashing leave Python's lock alone.
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(lambda shard: _read(shard, out), _shards(array, folder)):
            pass
    return out


def _is_ours(array: zarr.Array[Any]) -> bool:
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


def _shards(array: zarr.Array[Any], folder: Path) -> Iterator[_Shard]:
    assert array.shards is not None
    rows, step = array.shards[0], array.chunks[0]
    for number in range(-(-array.shape[0] // rows)):
        place = folder.joinpath("c", str(number), *["0"] * (array.ndim - 1))
        yield _Shard(place, number * rows, min((number + 1) * rows, array.shape[0]), rows, step)


def _read(shard: _Shard, out: np.ndarray[Any, Any]) -> None:
    """Read a shard's chunks straight into their rows."""
    n_chunks = shard.rows // shard.step
    chunk_bytes = shard.step * out[:1].nbytes
    with shard.file.open("rb", buffering=0) as file:
        index = _read_index(file, n_chunks, shard.file)
        for number, (offset, length) in enumerate(index.tolist()):
            start = shard.start + number * shard.step
            if start >= shard.stop:
                return
            if length != chunk_bytes + _CRC_BYTES:
                raise ValueError(f"chunk {number} of {shard.file.name} is absent or has another size")
            kept = out[start : min(start + shard.step, shard.stop)]
            file.seek(offset)
            # The last chunk of an array may reach beyond its rows.
            whole = kept if kept.nbytes == chunk_bytes else np.empty((shard.step, *out.shape[1:]), out.dtype)
            _fill(file, whole.reshape(-1).view(np.uint8).data)
            if _crc(whole) != int.from_bytes(file.read(_CRC_BYTES), "little"):
                raise ValueError(f"the checksum of chunk {number} of {shard.file.name} is wrong")
            if whole is not kept:
                kept[...] = whole[: len(kept)]


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
