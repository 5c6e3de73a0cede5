"""Pickles: read in a process of their own by a list of what may occur, and handed over as plain arrays and values.

The list is what protects; the process keeps a file that only wants memory or time from taking the whole program along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brainflix.io.confined.parent import read_confined


def load_pickle(path: Path, *, start: int = 0, seconds: int | None = None) -> Any:
    """Read a pickle of containers, numbers, texts and arrays; of Python 2 as well.

    Args:
        path: the file.
        start: byte at which the pickle begins.
        seconds: processor time that reading may take; by the file's size unless told.

    Returns:
        The value. Arrays are memory maps; arrays of Python values are nested lists.

    Raises:
        MissingError: no such file.
        IntegrityError: it names something that could act, is damaged, or wants more memory or time than its size
            explains; nothing of it was run.
        ResourceError: the disk is full.
    """
    return read_confined("pickle", path, {"start": start}, "pickle", seconds=seconds)
