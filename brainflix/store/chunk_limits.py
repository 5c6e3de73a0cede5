"""Chunks of a zarr array, looked at before they are unpacked: what each claims to unpack to stands in its first bytes.

Layouts: zarr v2 and v3 (shards too); blosc, zstd (RFC 8878), gzip and zlib (RFC 1950 to 1952).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

from brainflix.errors import DataError, IntegrityError
from brainflix.io.limits import SMALL_BYTES, check_unpacked

_METADATA = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"})
_KINDS = {BloscCodec: "blosc", ZstdCodec: "zstd", GzipCodec: "gzip"}
_PLAIN = (BytesCodec, Crc32cCodec, TransposeCodec)
_V2 = {"blosc": "blosc", "zstd": "zstd", "gzip": "gzip", "zlib": "gzip"}
_NEVER_WRITTEN = 2**64 - 1
# deflate packs zeros 1032 to 1; a block of zstd holds 128 KiB at most.
_DEFLATE_RATIO, _ZSTD_BLOCK_BYTES = 1032, 128 << 10
_PIECE_BYTES = 1 << 20


def check_chunks(array: zarr.Array[Any], folder: Path, name: str) -> None:
    """Check that neither the array nor any of its chunks unpacks to far more than its files explain.

    Args:
        array: as it was opened; nothing of it is read.
        folder: where its files lie.
        name: for messages.

    Raises:
        IntegrityError: one does.
        DataError: its chunks are packed in a way that cannot be looked through.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in _METADATA]
    held = sum(path.stat().st_size for path in files)
    chunk_bytes = math.prod(array.chunks) * array.dtype.itemsize
    check_unpacked(folder, chunk_bytes, what="a chunk", held=held)
    # Read by its first axis, a part of an array has so many bytes.
    check_unpacked(folder, math.prod(array.shape[1:]) * array.dtype.itemsize, what="a row", held=held)
    kind = _packing(array, name)
    if not kind:
        check_unpacked(folder, array.nbytes, held=held)
        return
    for path in files:
        for chunk in _chunks(path, array):
            if _claimed(kind, chunk, chunk_bytes) > max(chunk_bytes, SMALL_BYTES):
                what = f"a chunk of {name} unpacks to more than the {chunk_bytes} bytes of a chunk"
                raise IntegrityError(what, why=f"in {path.name}", next="make or fetch it again")


def _packing(array: zarr.Array[Any], name: str) -> str:
    """Return how chunks are packed, "" for not at all."""
    if array.metadata.zarr_format == 2:
        packer: Any = array.metadata.compressor
        found = [packer.codec_id] if packer is not None else []
        found += [each.codec_id for each in array.metadata.filters or ()]
        kinds = [_V2.get(each, "") for each in found]
    else:
        codecs: Any = array.metadata.codecs
        inner = codecs[0].codecs if isinstance(codecs[0], ShardingCodec) else codecs
        packing = [each for each in inner if not isinstance(each, _PLAIN)]
        found, kinds = [type(each).__name__ for each in packing], [_KINDS.get(type(each), "") for each in packing]
    if len(kinds) > 1 or "" in kinds:
        raise DataError(f"{name} is packed by {', '.join(found)}", next="save it again with zarr's own zstd")
    return kinds[0] if kinds else ""


def _chunks(path: Path, array: zarr.Array[Any]) -> Iterator[memoryview]:
    """Yield the packed bytes of each chunk of a file."""
    body = np.memmap(path, np.uint8, "r").data if path.stat().st_size else memoryview(b"")
    if array.shards is None:
        yield body
        return
    codec: Any = array.metadata.codecs[0]  # type: ignore[union-attr]
    count = math.prod(shard // chunk for shard, chunk in zip(array.shards, array.chunks, strict=True))
    size = 16 * count
    crc = 4 if any(isinstance(each, Crc32cCodec) for each in codec.index_codecs) else 0
    at = 0 if codec.index_location.value == "start" else len(body) - size - crc
    index = body[max(at, 0) : at + size]
    if at < 0 or len(index) != size:
        return
    for offset, length in np.frombuffer(index, "<u8").reshape(count, 2).tolist():
        if offset != _NEVER_WRITTEN:
            yield body[offset : offset + length]


def _claimed(kind: str, chunk: memoryview, chunk_bytes: int) -> int:
    """Return to how many bytes a chunk unpacks at most; 0 where its unpacker will refuse it."""
    if kind == "blosc":
        return int.from_bytes(chunk[4:8], "little")
    if kind == "zstd":
        return _claimed_zstd(chunk)
    if len(chunk) * _DEFLATE_RATIO <= SMALL_BYTES:
        return len(chunk) * _DEFLATE_RATIO
    return _counted(chunk, max(chunk_bytes, SMALL_BYTES))


def _claimed_zstd(chunk: memoryview) -> int:
    """Return the size that a frame states or, where it states none, that its blocks can have."""
    if bytes(chunk[:4]) != b"\x28\xb5\x2f\xfd" or len(chunk) < 6:
        return 0
    flags = chunk[4]
    is_single = flags >> 5 & 1
    at = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    size = (is_single, 2, 4, 8)[flags >> 6]
    if size:
        return int.from_bytes(chunk[at : at + size], "little") + 256 * (size == 2)
    total = 0
    while at + 3 <= len(chunk):
        block = int.from_bytes(chunk[at : at + 3], "little")
        is_last, kind, length = block & 1, block >> 1 & 3, block >> 3
        total += _ZSTD_BLOCK_BYTES if kind == 2 else length
        at += 3 + (1 if kind == 1 else length)
        if is_last:
            break
    return total


def _counted(chunk: memoryview, most: int) -> int:
    """Unpack piece by piece, keep nothing, and count until it is too much."""
    total, unpacker = 0, zlib.decompressobj(47)
    todo = bytes(chunk)
    try:
        while todo and total <= most and not unpacker.eof:
            total += len(unpacker.decompress(todo, _PIECE_BYTES))
            todo = unpacker.unconsumed_tail
            if unpacker.eof and unpacker.unused_data:
                # gzip may go on with another member.
                todo, unpacker = unpacker.unused_data, zlib.decompressobj(47)
    except zlib.error:
        pass
    return total
