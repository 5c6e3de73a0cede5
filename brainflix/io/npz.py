"""Archives of arrays (.npz): every header is read before any array is."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from brainflix.errors import BrainflixError
from brainflix.io.damage import unreadable
from brainflix.io.fetch.annex import require_content
from brainflix.io.limits import check_unpacked

_SUFFIX = ".npy"
SAVE_PLAIN = "save it again as a plain array, without objects"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Read arrays of an archive into memory, by name; all of them unless told.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, holds objects, or unpacks to far more than its size.
    """
    require_content(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            found = {}
            for info in archive.infolist():
                if names is None or _name(info) in names:
                    with archive.open(info) as stream:
                        found[_name(info)] = npy.read_array(stream, allow_pickle=False)
            return found
    except Exception as error:
        raise _unreadable(path, error) from error


def shapes_of_npz(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of an archive, by name; raises as `read_npz`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {_name(info): _header(archive, info)[0] for info in archive.infolist()}
    except Exception as error:
        raise _unreadable(path, error) from error


def unpack_array(path: Path, name: str, folder: Path) -> np.ndarray[Any, Any]:
    """Unpack one array of an archive into a folder, and return it as a memory map; raises as `read_npz`.

    The limit is that of memory: what fills the disk is no better.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            unpacked = archive.extract(f"{name}{_SUFFIX}", folder)
        return np.asanyarray(np.load(unpacked, mmap_mode="r", allow_pickle=False))
    except Exception as error:
        raise _unreadable(path, error) from error


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare what members claim with the file's size, and what arrays claim with their members' size."""
    check_unpacked(path, sum(info.file_size for info in archive.infolist()))
    for info in archive.infolist():
        shape, dtype, start = _header(archive, info)
        if dtype.hasobject:
            raise ValueError(f"{_name(info)} holds Python objects, which could act")
        if not dtype.itemsize:
            raise ValueError(f"{_name(info)} holds values of no size")
        if start + math.prod(shape) * dtype.itemsize != info.file_size:
            raise ValueError(f"{_name(info)} says that it has shape {shape}, and has {info.file_size} bytes")


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return shape, type and the byte at which the numbers begin."""
    if info.compress_type not in _METHODS:
        raise ValueError(f"{info.filename} is packed in a way that numpy does not use")
    with archive.open(info) as stream:
        shape, dtype = _npy_header(stream)
        return shape, dtype, stream.tell()


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    if min(shape, default=0) < 0:
        raise ValueError(f"its shape is {shape}")
    return shape, dtype


def _name(info: zipfile.ZipInfo) -> str:
    if not info.filename.endswith(_SUFFIX):
        raise ValueError(f"{info.filename!r} is no array")
    return info.filename.removesuffix(_SUFFIX)


def _unreadable(path: Path, error: Exception) -> BrainflixError:
    """Return what is said: archives can be damaged, encrypted or packed by methods that nobody knows."""
    if isinstance(error, BrainflixError):
        return error
    return unreadable(path.name, error, SAVE_PLAIN, path)
