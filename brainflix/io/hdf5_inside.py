"""HDF5 as a confined process reads it: from this file alone, and only what the file can hold.

Links may lead to other files, groups may hold themselves, and a header of some bytes may claim any shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from brainflix.errors import BrainflixError, DataError, IntegrityError, MissingError
from brainflix.io.confined.wire import Pieces
from brainflix.io.limits import check_unpacked

_MOST_NAMES = 100_000
_PIECE_BYTES = 16 << 20
# Blocks that are read at once, where chunks hold rows of several.
_BLOCKS_BYTES = 128 << 20
# What a short text takes in memory.
_TEXT_BYTES = 256


def shapes(paths: Sequence[Path]) -> Iterator[dict[str, list[int]]]:
    """Yield for each file the shape of each data set by its name, nested ones with slashes.

    Raises:
        IntegrityError: a file is damaged or refers to other files, or a group has two names.
    """
    for path in paths:
        with _opened(path) as file:
            yield dict(sorted(_walk(file, path).items()))


def arrays(paths: Sequence[Path], keys: Sequence[str]) -> Iterator[Any]:
    """Yield data sets of each file whole: numbers as an array, texts as {"texts": nested lists}.

    Raises:
        MissingError: there is no such data set.
        DataError: one holds references or records.
        IntegrityError: a file is damaged or refers to other files, or a data set is larger than the file explains.
    """
    for path in paths:
        with _opened(path) as file:
            for key in keys:
                found = _dataset(file, key, path)
                if h5py.check_string_dtype(found.dtype) is not None:
                    yield {"texts": np.asarray(found.asstr()[()]).tolist()}
                else:
                    yield Pieces(found.shape, found.dtype, _pieces(found))


def blocks(paths: Sequence[Path], key: str, rows: int, window: Sequence[Sequence[int]], times: int) -> Iterator[Pieces]:
    """Yield blocks of so many first-axis rows of numbers, cut to a window of start and stop of the other axes.

    Those of the first file so many times over, then those of the next.
    """
    cut = tuple(slice(*each) for each in window)
    for path in paths:
        with _opened(path) as file:
            found = _dataset(file, key, path)
            step = _rows_at_once(found, rows, cut)
            for start in [*range(0, found.shape[0], step)] * times:
                several = found[(slice(start, start + step), *cut)]
                for at in range(0, len(several), rows):
                    block = several[at : at + rows]
                    yield Pieces(block.shape, block.dtype, [block])


def _rows_at_once(found: Any, rows: int, window: Sequence[slice]) -> int:
    """Return how many rows to read at once, blocks of `rows`: each reading unpacks all chunks that it touches."""
    if not found.chunks or rows % found.chunks[0] == 0:
        return rows
    shown = [len(range(*each.indices(n))) for each, n in zip(window, found.shape[1:], strict=False)]
    row_bytes = math.prod((*shown, *found.shape[1 + len(shown) :])) * int(found.dtype.itemsize)
    return rows * max(1, _BLOCKS_BYTES // max(1, rows * row_bytes))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file, and say its name where it is damaged."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (BrainflixError, MemoryError, BrokenPipeError):
        raise
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise IntegrityError(
            f"{path.name} is not a readable HDF5 file", why=why, next="fetch the file again"
        ) from error


def _walk(file: Any, path: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    todo: list[tuple[str, Any]] = [("", file)]
    seen = {_place(file)}
    while todo:
        prefix, group = todo.pop()
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.SoftLink):
                # A second name within the file, if it is one: who asks for it is refused.
                continue
            item = _follow(group, name, path)
            full = f"{prefix}{name}"
            if isinstance(item, h5py.Dataset):
                found[full] = [int(n) for n in item.shape or ()]
            elif isinstance(item, h5py.Group):
                # Groups that share groups make more names than any disk can hold.
                if _place(item) in seen:
                    raise IntegrityError(f"{path.name} has a group under two names, or in itself", why=f"at {full!r}")
                seen.add(_place(item))
                todo.append((f"{full}/", item))
            if len(found) + len(todo) > _MOST_NAMES:
                raise IntegrityError(f"{path.name} has more than {_MOST_NAMES} names")
    return found


def _pieces(found: Any) -> Iterator[np.ndarray]:
    """Read a data set in pieces of its first axis, so that it need not be in memory whole."""
    if not found.shape or not found.size:
        yield np.asarray(found[()])
        return
    row_bytes = max(1, math.prod(found.shape[1:]) * found.dtype.itemsize)
    step = max(1, _PIECE_BYTES // row_bytes)
    if found.chunks:
        # A chunk is unpacked whole; so take whole ones.
        step = max(1, step // found.chunks[0]) * found.chunks[0]
    for start in range(0, found.shape[0], step):
        yield np.asarray(found[start : start + step])


def _dataset(file: Any, key: str, path: Path) -> Any:
    """Return a data set that can be trusted to be numbers or texts of this file."""
    found = file
    for name in key.split("/"):
        if not isinstance(found, h5py.Group) or found.get(name, getlink=True) is None:
            names = ", ".join(list(file)[:5])
            raise MissingError(f"{path.name} has no data set {key!r}", why=f"it has {names or 'none'}")
        found = _follow(found, name, path)
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{key!r} in {path.name} is a group", why="a data set is needed")
    if found.external or found.is_virtual:
        raise IntegrityError(f"{key!r} in {path.name} keeps its numbers in other files")
    is_text = h5py.check_string_dtype(found.dtype) is not None
    if not is_text and found.dtype.kind not in "biufc":
        raise DataError(f"{key!r} in {path.name} holds {found.dtype}, not numbers or texts")
    if found.shape is None:
        raise DataError(f"{key!r} in {path.name} is empty")
    size = max(_TEXT_BYTES, found.dtype.itemsize) if is_text else found.dtype.itemsize
    for shape in (found.shape, found.chunks or ()):
        check_unpacked(path, math.prod(shape) * size, what=repr(key))
    return found


def _follow(group: Any, name: str, path: Path) -> Any:
    """Return a member that really lies there; links may lead to other files."""
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise IntegrityError(f"{path.name} refers to something else by {name!r}", why=type(link).__name__)
    return group[name]


def _place(group: Any) -> int:
    return int(h5py.h5o.get_info(group.id).addr)
