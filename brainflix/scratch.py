"""Arrays on disk, for what is larger than the memory of a laptop and is needed a part at a time."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def scratch_rows(shape: tuple[int, ...], folder: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return an array of zeros in a nameless file of `folder`; the disk is free again when the array is.

    Raises:
        OSError: no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def zeros(shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None) -> np.ndarray[Any, Any]:
    """Return an array of zeros in a nameless file of `folder`, which must have room for it; None holds it in memory."""
    if folder is None or 0 in shape:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def give_back(rows: np.ndarray[Any, Any] | None) -> None:
    """Let the system take the memory of a mapped array's pages; nothing of other arrays, and no value changes."""
    held: Any = rows
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, mmap.mmap) and hasattr(held, "madvise"):
        held.madvise(mmap.MADV_DONTNEED)
