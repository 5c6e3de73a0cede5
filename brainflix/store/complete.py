"""Completeness of zarr arrays, from their metadata alone: a chunk that was never written reads as fill value."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from brainflix.errors import DataError

ARRAYS = "data.zarr"
METADATA = "zarr.json"
_NEVER_WRITTEN = 2**64 - 1
_CRC_BYTES = 4


def check_arrays_complete(folder: Path) -> None:
    """Check that each chunk (in shards: each inner chunk) of each array in `folder`'s `data.zarr` was written.

    Raises:
        DataError: an array has chunks that were never written; it is named with their number.
    """
    for array, metadata in iterate_arrays(folder):
        shape, chunk = metadata["shape"], metadata["chunk_grid"]["configuration"]["chunk_shape"]
        places = list(_places(shape, chunk))
        files = [array.joinpath("c", *map(str, place)) for place in places]
        missing = sum(not file.is_file() for file in files)
        inner = _inner_chunk(metadata)
        if not missing and inner is not None:
            grid = [outer // step for outer, step in zip(chunk, inner, strict=True)]
            shards = zip(files, places, strict=True)
            missing = sum(_holes(file, place, shape, chunk, inner, grid) for file, place in shards)
        if missing:
            raise DataError(
                f"array {array.relative_to(folder / ARRAYS).as_posix()!r} was not finished",
                why=f"{missing} of its chunks were never written and would read as fill value",
            )


def iterate_arrays(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder and the metadata of each zarr array below `folder`'s `data.zarr`, without importing zarr."""
    for path in sorted((folder / ARRAYS).rglob(METADATA)):
        metadata = json.loads(path.read_bytes())
        if metadata.get("node_type") == "array":
            yield path.parent, metadata


def _places(shape: Sequence[int], chunk: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return product(*(range(math.ceil(size / step)) for size, step in zip(shape, chunk, strict=True)))


def _inner_chunk(metadata: dict[str, Any]) -> list[int] | None:
    codec = metadata["codecs"][0]
    return codec["configuration"]["chunk_shape"] if codec["name"] == "sharding_indexed" else None


def _holes(
    file: Path,
    place: tuple[int, ...],
    shape: Sequence[int],
    chunk: Sequence[int],
    inner: Sequence[int],
    grid: Sequence[int],
) -> int:
    """Count the inner chunks of one shard that lie inside the array and were never written (index at the end)."""
    count = math.prod(grid)
    with file.open("rb") as stream:
        stream.seek(-(16 * count + _CRC_BYTES), 2)
        index = struct.unpack(f"<{2 * count}Q", stream.read(16 * count))
    holes = 0
    for number, spot in enumerate(product(*(range(size) for size in grid))):
        start = [at * outer + step * by for at, outer, step, by in zip(place, chunk, spot, inner, strict=True)]
        inside = all(first < size for first, size in zip(start, shape, strict=True))
        holes += inside and index[2 * number] == _NEVER_WRITTEN
    return holes
