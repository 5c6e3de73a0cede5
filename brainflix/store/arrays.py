"""Arrays of an artifact: one zarr v3 group, `data.zarr`, uncompressed, with crc32c, laid out for its reader.

Layouts: `rows` for readers of single rows (BOLD: one shard per run), `tiles` for readers of columns over all rows
(regression), `whole` for small tables. Equal arrays give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec

from brainflix.errors import UsageError
from brainflix.scratch import give_back
from brainflix.store.complete import ARRAYS
from brainflix.store.refs import is_name

Layout = Literal["rows", "tiles", "whole"]
ROW_CHUNK_BYTES = 4 << 20
TILE_BYTES = 8 << 20
SHARD_BYTES = 64 << 20
_BLOCK_BYTES = 256 << 20


def write_array(
    folder: Path,
    name: str,
    data: np.ndarray[Any, Any],
    *,
    dims: Sequence[str],
    layout: Layout = "whole",
    rows_per_shard: int | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> None:
    """Write one whole array into `folder`'s `data.zarr`.

    Args:
        folder: a staging folder.
        name: name of the array; `/` makes groups (`stats/reliability`).
        data: array of any shape; numbers or booleans.
        dims: name of each axis.
        layout: how it will be read, see the module.
        rows_per_shard: rows in one file of the `rows` layout (one run); None for about 64 MiB.
        attrs: attributes, as JSON values.

    Raises:
        UsageError: the name, the type or the number of `dims` does not fit, or the array exists.
    """
    values = np.asarray(data)
    array = create_array(
        folder, name, values.shape, values.dtype, dims=dims, layout=layout, rows_per_shard=rows_per_shard, attrs=attrs
    )
    if not values.size:
        return
    if layout != "rows":
        array[...] = values
        return
    for block in row_blocks(array):
        array[block] = values[block]
        # Rows that lie on disk would otherwise all be in memory at the end.
        give_back(values)


def create_array(
    folder: Path,
    name: str,
    shape: Sequence[int],
    dtype: np.dtype[Any] | type | str,
    *,
    dims: Sequence[str],
    layout: Layout = "whole",
    rows_per_shard: int | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> zarr.Array[Any]:
    """Make an empty array in `folder`'s `data.zarr` to be filled in parts; parameters and errors as in `write_array`.

    Fill whole shards (`rows`) or whole tiles (`tiles`) at a time. Publishing refuses an array with parts never written.
    """
    kind = np.dtype(dtype)
    _check_request(name, shape, kind, dims)
    chunk, shard = chunk_shapes(shape, kind.itemsize, layout, rows_per_shard)
    group = zarr.open_group(folder / ARRAYS, mode="a", zarr_format=3)
    for parent in _parents(name):
        group.require_group(parent)
    if name in group:
        raise UsageError(f"array {name!r} exists already", why="an array is written once")
    return group.create_array(
        name,
        shape=tuple(shape),
        dtype=kind,
        chunks=chunk,
        shards=shard,
        filters=None,
        compressors=(Crc32cCodec(),),
        fill_value=_fill_value(kind),
        attributes=dict(attrs or {}),
        dimension_names=tuple(dims),
        config={"write_empty_chunks": True},
    )


def chunk_shapes(
    shape: Sequence[int], itemsize: int, layout: Layout, rows_per_shard: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the shape of a chunk and of a shard (None: each chunk is one file) of an array of `shape`.

    `rows`: a shard holds `rows_per_shard` rows, its chunks the largest even division of it within 4 MiB.
    `tiles`: all rows of as many columns as fit into 8 MiB. `whole`: one chunk.

    Raises:
        UsageError: the layout is unknown or needs an axis that the array lacks.
    """
    sizes = tuple(max(1, size) for size in shape)
    if layout == "whole":
        return sizes, None
    if layout not in ("rows", "tiles") or not sizes:
        raise UsageError(f"no layout {layout!r} for an array of shape {tuple(shape)}", why="rows, tiles or whole")
    if layout == "tiles":
        return _tile_shape(sizes, itemsize), None
    row_bytes = itemsize * math.prod(sizes[1:])
    rows = rows_per_shard if rows_per_shard is not None else max(1, SHARD_BYTES // row_bytes)
    if rows < 1:
        raise UsageError(f"rows_per_shard is {rows}", why="a shard holds one row or more")
    rows = min(rows, sizes[0])
    step = _largest_divisor(rows, max(1, ROW_CHUNK_BYTES // row_bytes))
    return (step, *sizes[1:]), (rows, *sizes[1:])


def row_blocks(array: zarr.Array[Any]) -> Iterator[slice]:
    """Yield slices over the first axis, each of whole files and about 256 MiB, to go through an array once."""
    if not array.shape:
        return
    step = (array.shards or array.chunks)[0]
    row_bytes = max(1, array.nbytes // max(1, array.shape[0]))
    rows = max(step, _BLOCK_BYTES // row_bytes // step * step)
    for start in range(0, array.shape[0], rows):
        yield slice(start, min(start + rows, array.shape[0]))


def _tile_shape(sizes: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Keep all rows, then as many of the last axes as fit, the next one in equal parts, and one step of the others."""
    room = max(1, TILE_BYTES // (itemsize * sizes[0]))
    tile = []
    for size in reversed(sizes[1:]):
        parts = math.ceil(size / min(size, room))
        tile.append(math.ceil(size / parts))
        room = room // size if parts == 1 else 1
        room = max(1, room)
    return (sizes[0], *reversed(tile))


def _largest_divisor(number: int, limit: int) -> int:
    return next(step for step in range(min(number, limit), 0, -1) if number % step == 0)


def _fill_value(kind: np.dtype[Any]) -> Any:
    return np.nan if kind.kind == "f" else kind.type(0)


def _parents(name: str) -> list[str]:
    steps = name.split("/")
    return ["/".join(steps[:end]) for end in range(1, len(steps))]


def _check_request(name: str, shape: Sequence[int], kind: np.dtype[Any], dims: Sequence[str]) -> None:
    steps = name.split("/")
    # "c" is the folder of the chunks inside an array
    if not all(is_name(step) and step not in ("c", "zarr.json") for step in steps):
        raise UsageError(f"{name!r} is not an array name")
    if kind.kind not in "biuf":
        raise UsageError(f"array {name!r} has the type {kind}", why="arrays hold numbers; text goes to JSON")
    if len(dims) != len(shape):
        raise UsageError(f"array {name!r} has {len(shape)} axes but {len(dims)} names", why=f"dims are {tuple(dims)}")
