"""Targets of clips from their frames, batch by batch: memory does not grow with the clips, and a killed run goes on.

Encoded rows wait in the store's spool of this job. When all are there they are laid out as column tiles, some columns
of all clips at a time; the files are those that `Targets.save` writes. The stage clears the spool once the artifact
stands. Rows that another device or precision left behind are taken as they are, as the artifact's key takes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from brainflix.errors import DataError
from brainflix.parts.contract import Job, Tools
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_finite, write_json
from brainflix.store.schema import Clips, Targets, check_storable, create_targets
from brainflix.store.spool import Spool
from brainflix.store.spools import spool_folder

Encode = Callable[[np.ndarray], np.ndarray]
NamedEncode = Callable[[np.ndarray, Sequence[str]], np.ndarray]
# A block of the spool holds at least so many clips: a file for each clip would be too many.
_BLOCK_CLIPS = 16
# Columns of all clips that are in memory while tiles are written.
_SLAB_BYTES = 64 << 20


def encode_clips(
    job: Job,
    frames: Artifact,
    out: Path,
    tools: Tools,
    encode: Encode,
    *,
    dtype: str = "float16",
    attrs: Mapping[str, object] | None = None,
) -> tuple[int, ...]:
    """Encode all clips and write them as `Targets.save` would; return the shape of one target.

    Args:
        job: whose spool it is; the same job goes on where a killed one stopped.
        frames: an artifact of `frames`: uint8 (n_clips, n_frames, height, width, 3), read batch by batch.
        out: the staging folder.
        tools: the store, the progress, and how many clips are encoded at once.
        encode: maps uint8 frames (n, n_frames, height, width, 3) to float32 (n, *shape), whatever n is.
        dtype: "float16" or "float32".
        attrs: JSON values that say what the targets are.

    Raises:
        UsageError: another dtype is asked for.
        DataError: there are no clips, a value is not finite or too large for float16, or shapes differ between clips.
        IntegrityError: frames are damaged.
    """
    return encode_named(job, frames, out, tools, lambda batch, _: encode(batch), dtype=dtype, attrs=attrs)


def encode_named(
    job: Job,
    frames: Artifact,
    out: Path,
    tools: Tools,
    encode: NamedEncode,
    *,
    dtype: str = "float16",
    attrs: Mapping[str, object] | None = None,
) -> tuple[int, ...]:
    """Do as `encode_clips` with an `encode` that is also given the clips' ids, such as to seed noise for each."""
    check_storable((), dtype)
    clips = Clips.load(frames)
    if not len(clips):
        raise DataError(f"{frames.ref} holds no clips")
    spool = Spool(spool_folder(tools.store.root, job.ref), np.dtype(dtype))
    starts = range(0, len(clips), _block_clips(tools.clips_per_batch))
    for start in tools.progress.track(starts, "blocks of clips"):
        stop = min(start + starts.step, len(clips))
        if not spool.holds(start, stop):
            parts = [
                _checked(encode(batch, clips.ids[at : at + len(batch)]), at, len(batch), dtype)
                for at, batch in _batches(frames, start, stop, tools.clips_per_batch)
            ]
            _add(spool, start, np.concatenate(parts))
    shape = spool.shape or ()
    _write_tiles(spool, out, (len(clips), *shape))
    clips.save(out)
    write_json(out / Targets.FILE, {"attrs": dict(attrs or {})})
    return shape


def _block_clips(clips_per_batch: int) -> int:
    """Return how many clips a block holds: whole batches, because rounding may depend on which clips share one."""
    return clips_per_batch * math.ceil(_BLOCK_CLIPS / clips_per_batch)


def _batches(frames: Artifact, start: int, stop: int, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first clip and the frames of each batch, uint8 (n, n_frames, height, width, 3)."""
    for at in range(start, stop, step):
        yield at, frames.rows("frames", at, min(at + step, stop))


def _checked(values: np.ndarray, first: int, count: int, dtype: str) -> np.ndarray:
    """Return the targets of one batch in the dtype that is stored, once they can be."""
    rows = np.asarray(values, np.float32)
    if rows.ndim < 1 or len(rows) != count:
        raise DataError(f"the encoder returned shape {rows.shape} for {count} clips")
    check_finite("values", rows, first_row=first)
    check_storable(rows, dtype)
    return rows.astype(dtype, copy=False)


def _add(spool: Spool, start: int, values: np.ndarray) -> None:
    shape = tuple(values.shape[1:])
    if spool.shape not in (None, shape):
        raise DataError(f"clips from {start} on have targets of shape {shape}", why=f"those before have {spool.shape}")
    spool.add(start, values)


def _write_tiles(spool: Spool, out: Path, shape: Sequence[int]) -> None:
    """Lay the rows out as tiles: as many neighbouring tiles at a time as fit into the memory that is set aside."""
    array = create_targets(out, shape, spool.dtype)
    tiles = list(_tiles(shape[1:], array.chunks[1:]))
    bounds = [_columns(tile, shape[1:]) for tile in tiles]
    width = max(last - first for first, last in bounds)
    n_tiles = max(1, _SLAB_BYTES // (width * shape[0] * spool.dtype.itemsize))
    for number in range(0, len(tiles), n_tiles):
        group = range(number, min(number + n_tiles, len(tiles)))
        left = bounds[group[0]][0]
        slab = spool.columns(shape[0], left, bounds[group[-1]][1])
        for each in group:
            (first, last), sizes = bounds[each], [piece.stop - piece.start for piece in tiles[each]]
            array[(slice(None), *tiles[each])] = slab[:, first - left : last - left].reshape(shape[0], *sizes)


def _tiles(shape: Sequence[int], tile: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield where each tile lies in one target, in the order of the flattened columns."""
    steps = [
        [slice(start, min(start + step, size)) for start in range(0, size, step)]
        for size, step in zip(shape, tile, strict=True)
    ]
    yield from product(*steps)


def _columns(tile: tuple[slice, ...], shape: Sequence[int]) -> tuple[int, int]:
    """Return the flattened columns of a tile, which are neighbours: see `chunk_shapes`."""
    first, last = 0, 0
    for piece, size in zip(tile, shape, strict=True):
        first, last = first * size + piece.start, last * size + piece.stop - 1
    return first, last + 1
