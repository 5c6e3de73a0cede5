"""Targets of clips from their frames, batch by batch: memory does not grow with the clips, and a killed run goes on.

Encoded rows wait in the store's spool of this job. When all are there they are laid out as column tiles, some columns
of all clips at a time; the files are those that `Targets.save` writes. The engine clears the spool once the artifact
stands. Rows that another device or precision left behind are taken as they are, as the artifact's key takes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from brainflix.errors import DataError
from brainflix.parts.contract import Notes
from brainflix.parts.work import Work
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_finite, write_json
from brainflix.store.schema import Clips, Targets, check_storable, create_targets
from brainflix.store.spool import Spool
from brainflix.store.spools import rows_folder

Encode = Callable[[np.ndarray], np.ndarray]
NamedEncode = Callable[[np.ndarray, Sequence[str]], np.ndarray]
# A block of the spool holds at least so many clips: a file for each clip would be too many.
_BLOCK_CLIPS = 16
# Each block holds a file open, of which a process may have some 1000.
_MOST_BLOCKS = 256
# Columns of all clips that are in memory while tiles are written.
_SLAB_BYTES = 64 << 20


def of_frames(encode: Encode) -> NamedEncode:
    """Return an encoding of frames alone as one that is also given the clips' ids, such as to seed noise for each."""
    return lambda frames, _: encode(frames)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Targets that are encoded while they are written; the files are those that `Targets.save` writes.

    Attributes:
        frames: an artifact of `frames`: uint8 (n_clips, n_frames, height, width, 3), read batch by batch.
        work: whose spool it is, so that the same job goes on where a killed one stopped; the progress; and how many
            clips are encoded at once.
        encode: maps uint8 frames (n, n_frames, height, width, 3) and the clips' ids to float32 (n, *shape), whatever n
            is.
        dtype: "float16" or "float32".
        attrs: JSON values that say what the targets are.
        note: from the shape of one target to what the manifest notes.
    """

    frames: Artifact
    work: Work
    encode: NamedEncode
    dtype: str = "float16"
    attrs: Mapping[str, object] = field(default_factory=dict)
    note: Callable[[tuple[int, ...]], Notes] = lambda shape: {}

    def save(self, folder: Path) -> Notes:
        """Encode what is not in the spool yet, and lay it out.

        Raises:
            UsageError: another dtype is asked for.
            DataError: there are no clips, a value is not finite or too large for float16, or shapes differ between
                clips.
            IntegrityError: frames are damaged.
        """
        check_storable((), self.dtype)
        clips = Clips.load(self.frames)
        if not len(clips):
            raise DataError(f"{self.frames.ref} holds no clips")
        made_by = self.work.compute().where()
        folder_of_rows = rows_folder(self.work.store.root, self.work.ref, [self.frames], made_by)
        spool = Spool(folder_of_rows, np.dtype(self.dtype))
        starts = range(0, len(clips), _block_clips(self.work.clips_per_batch, len(clips)))
        for start in self.work.progress.track(starts, "blocks of clips"):
            stop = min(start + starts.step, len(clips))
            if not spool.holds(start, stop):
                _add(spool, start, self._block(clips.ids, start, stop))
        shape = spool.shape or ()
        _write_tiles(spool, folder, (len(clips), *shape))
        clips.save(folder)
        write_json(folder / Targets.FILE, {"attrs": dict(self.attrs)})
        return self.note(shape)

    def _block(self, ids: Sequence[str], start: int, stop: int) -> np.ndarray:
        """Return the targets of the clips from `start` to `stop`, (n, *shape)."""
        batches = _batches(self.frames, start, stop, self.work.clips_per_batch)
        return np.concatenate(
            [
                _checked(self.encode(batch, ids[at : at + len(batch)]), at, len(batch), self.dtype)
                for at, batch in batches
            ]
        )


def _block_clips(clips_per_batch: int, n_clips: int) -> int:
    """Return how many clips a block holds: whole batches, because rounding may depend on which clips share one."""
    least = max(_BLOCK_CLIPS, math.ceil(n_clips / _MOST_BLOCKS))
    return clips_per_batch * math.ceil(least / clips_per_batch)


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
