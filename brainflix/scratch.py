"""Arrays on disk, for what is larger than the memory of a laptop and is needed a part at a time."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

# What a file system, or a C library that does not fall back on writing, says if it cannot give room beforehand.
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


def scratch_rows(shape: tuple[int, ...], folder: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return an array of zeros in a nameless file of `folder`; the disk is free again when the array is.

    Raises:
        OSError: no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return _mapped(file, shape, np.float32)


def zeros(shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None) -> np.ndarray[Any, Any]:
    """Return an array of zeros in a nameless file of `folder`, or in memory where that is None.

    Raises:
        OSError: no room.
    """
    if folder is None or 0 in shape:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        return _mapped(file, shape, dtype)


def zeros_in(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """Return an array of zeros in a file of its own.

    Raises:
        OSError: no room.
    """
    with path.open("w+b") as file:
        return _mapped(file, shape, dtype)


def _mapped(file: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """Map a new file, after all of it has its place on the disk.

    A mapped page that finds no room ends the process with SIGBUS (mmap(2), Linux manual): asked for beforehand, a full
    disk is an error like any other.
    """
    n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if n_bytes and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
    return np.memmap(file, dtype, "w+", shape=shape)


def write_npy(file: IO[bytes], values: np.ndarray[Any, Any]) -> None:
    """Write an array as `numpy.save` does, and raise what the disk refuses.

    numpy writes to a file of Python with C's `fwrite`, and never asks whether the last part of it arrived: on a full
    disk up to 4 KiB at the end are lost without a word. Anything that is no file of Python gets whole writes.

    Raises:
        OSError: the disk refuses.
        ValueError: the array holds objects.
    """
    np.lib.format.write_array(_Sink(file), np.asanyarray(values), allow_pickle=False)


class _Sink:
    """What takes bytes and is no file as far as numpy can see."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Hand the bytes on."""
        return self._file.write(data)


def give_back(rows: np.ndarray[Any, Any] | None) -> None:
    """Let the system take the memory of a mapped array's pages; nothing of other arrays, and no value changes."""
    held: Any = rows
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, mmap.mmap) and hasattr(held, "madvise"):
        held.madvise(mmap.MADV_DONTNEED)
