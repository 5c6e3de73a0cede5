"""Read clips from npy, npz and zarr: one clip to an array, or all clips in one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from brainflix.errors import DataError, IntegrityError
from brainflix.io.clip_read import Clip, from_array
from brainflix.io.damage import ARRAY_DAMAGE, unreadable
from brainflix.io.ids import names_of
from brainflix.io.npz import SAVE_PLAIN, read_npz, shapes_of_npz, unpack_array
from brainflix.io.room import check_bytes
from brainflix.store.chunk_limits import check_chunks

ARRAY_SUFFIXES = (".npy", ".npz", ".zarr")
NO_ARRAY: tuple[type[Exception], ...] = (DataError, IntegrityError, StopIteration, *ARRAY_DAMAGE)
Readers = dict[str, Callable[[], Clip]]


def is_array(path: Path) -> bool:
    """Tell whether what lies at `path` is an array by its name, or by what a folder holds."""
    if path.is_dir():
        return (path / "zarr.json").is_file() or (path / ".zarray").is_file() or (path / ".zgroup").is_file()
    return path.suffix.lower() in (".npy", ".npz")


def n_axes(path: Path) -> int:
    """Return an array's number of axes from its header alone; 0 where it has none, which reading it will explain."""
    try:
        if path.suffix.lower() != ".npz":
            return int(_open_array(path, None)[0].ndim)
        return next(len(shape) for name, shape in shapes_of_npz(path).items() if name != "ids")
    except NO_ARRAY:
        return 0


def read_array(path: Path) -> Clip:
    """Read the one clip of an array of shape (n_frames, height, width, 3).

    Raises:
        DataError: it cannot be used; one sentence says why.
        IntegrityError: it is damaged, or holds objects.
    """
    array, _ = _open_array(path, None)
    return from_array(_values(array, ..., path.name), path.name)


def clips_of_array(path: Path) -> tuple[Readers, tuple[tempfile.TemporaryDirectory[str], ...]]:
    """Return what reads each clip of an array of all clips, by its `ids` if it has them, else by its number.

    Also what had to be unpacked to be read clip by clip; it must live as long as the clips are needed.

    Raises:
        DataError: it is no such array, or its ids do not name each clip once.
        IntegrityError: it is damaged, holds objects, or lacks chunks.
    """
    folder = tempfile.TemporaryDirectory(prefix="brainflix-clips-") if path.suffix.lower() == ".npz" else None
    array, ids = _open_array(path, None if folder is None else Path(folder.name))
    if array.ndim != 5 or not array.shape[0]:
        need = "need (n_clips, n_frames, height, width, 3) for an array of all clips"
        raise DataError(f"{path.name} has shape {tuple(array.shape)}", why=need)
    names = [str(number) for number in range(array.shape[0])] if ids is None else names_of(ids, path)
    if len(names) != array.shape[0] or len(set(names)) != len(names):
        raise DataError(f"the ids of {path.name} do not name each of its {array.shape[0]} clips once")
    readers: Readers = {
        name: partial(_read_row, array, row, f"{name} of {path.name}") for row, name in enumerate(names)
    }
    return readers, () if folder is None else (folder,)


def _read_row(array: Any, row: int, name: str) -> Clip:
    return from_array(_values(array, row, name), name)


def _open_array(path: Path, unpack_to: Path | None) -> tuple[Any, NDArray[Any] | None]:
    """Open an array without reading it where the format allows; return it and the clip ids stored with it."""
    try:
        if path.is_dir():
            return _open_zarr(path)
        if path.suffix.lower() == ".npy":
            return _open_npy(path), None
        return _open_npz(path, unpack_to)
    except ARRAY_DAMAGE as error:
        raise unreadable(path.name, error, SAVE_PLAIN, path) from error


def _values(array: Any, row: int | EllipsisType, name: str) -> NDArray[Any]:
    """Read an array that is open, or one clip of it: zarr finds damage only now."""
    try:
        return np.asarray(array[row])
    except ARRAY_DAMAGE as error:
        raise unreadable(name, error, SAVE_PLAIN) from error


def _open_npy(path: Path) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        # numpy goes by what a file holds.
        array.close()
        raise DataError(f"{path.name} is an npz archive by its content", next=f"call it {path.stem}.npz")
    return array


def _open_npz(path: Path, unpack_to: Path | None) -> tuple[Any, NDArray[Any] | None]:
    held = list(shapes_of_npz(path))
    names = [name for name in held if name != "ids"]
    if len(names) != 1:
        raise DataError(f"{path.name} holds {len(names)} arrays beside ids", why="need one array of frames")
    array = read_npz(path, names)[names[0]] if unpack_to is None else unpack_array(path, names[0], unpack_to)
    return array, read_npz(path, ["ids"])["ids"] if "ids" in held else None


def _open_zarr(path: Path) -> tuple[Any, NDArray[Any] | None]:
    node: Any = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Group):
        arrays = list(node.arrays())
        if len(arrays) != 1:
            raise DataError(f"{path.name} holds {len(arrays)} arrays", why="need one array of frames")
        node = arrays[0][1]
    check_chunks(node, path / node.path, path.name)
    if lacking := node.nchunks - node.nchunks_initialized:
        what = f"{path.name} lacks {lacking} of {node.nchunks} chunks, which would read as {node.fill_value}"
        advice = "if they hold nothing else, save the array with write_empty_chunks"
        raise IntegrityError(what, why="black frames and lost ones look the same", next=advice)
    _check_room(node, path)
    ids = node.attrs.get("ids")
    return node, None if ids is None else np.asarray(ids)


def _check_room(array: Any, path: Path) -> None:
    """Refuse an array of which one clip would fill memory; what its chunks may be is checked by themselves.

    Raises:
        IntegrityError: it would.
    """
    n_clips = array.shape[0] if array.ndim == 5 else 1
    stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    check_bytes(array.nbytes // max(1, n_clips), stored, path.name)
