"""HDF5 files: data sets by name, from this file alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.fetch.annex import require_content


def keys(path: Path) -> list[str]:
    """Return the names of all data sets of a file, sorted; nested ones with slashes.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or refers to other files.
    """
    import h5py

    with _opened(path) as file:
        found: list[str] = []
        todo: list[tuple[str, Any]] = [("", file)]
        while todo:
            prefix, group = todo.pop()
            for name in group:
                full = f"{prefix}{name}"
                item = _follow(group, name, path)
                if isinstance(item, h5py.Dataset):
                    found.append(full)
                elif full.count("/") < 16:
                    todo.append((f"{full}/", item))
        return sorted(found)


def read_dataset(path: Path, key: str) -> np.ndarray:
    """Read one data set whole; texts become Python strings in an object array.

    Raises:
        MissingError: no such file or data set.
        DataError: it holds references or records instead of numbers or texts.
        IntegrityError: it is damaged, refers to other files, or says that it is larger than the file explains.
    """
    import h5py

    with _dataset(path, key) as found:
        text = h5py.check_string_dtype(found.dtype) is not None
        values: np.ndarray = found.asstr()[()] if text else found[()]
        return values


def read_blocks(path: Path, key: str, rows: int, window: tuple[slice, ...] = ()) -> Iterator[np.ndarray]:
    """Yield blocks of so many first-axis rows of a data set of numbers, cut to a window of its other axes.

    Raises:
        as `read_dataset`.
    """
    with _dataset(path, key) as found:
        for start in range(0, found.shape[0], rows):
            block: np.ndarray = found[(slice(start, start + rows), *window)]
            yield block


def shape_of(path: Path, key: str) -> tuple[int, ...]:
    """Return a data set's shape; raises as `read_dataset`."""
    with _dataset(path, key) as found:
        return tuple(int(n) for n in found.shape)


@contextmanager
def _dataset(path: Path, key: str) -> Iterator[Any]:
    """Open a data set that can be trusted to be numbers or texts of this file."""
    import h5py

    with _opened(path) as file:
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
        if h5py.check_string_dtype(found.dtype) is None and found.dtype.kind not in "biufc":
            raise DataError(f"{key!r} in {path.name} holds {found.dtype}, not numbers or texts")
        # Compression explains a factor, but not any.
        if found.size * found.dtype.itemsize > 1000 * max(path.stat().st_size, 1 << 20):
            what = f"{key!r} in {path.name} says that it has shape {found.shape}"
            raise IntegrityError(f"{what}, which the file cannot hold")
        yield found


def _follow(group: Any, name: str, path: Path) -> Any:
    """Return a member that really lies there; links may lead to other files."""
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise IntegrityError(f"{path.name} refers to something else by {name!r}", why=type(link).__name__)
    return group[name]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    require_content(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{path.name} is not a readable HDF5 file", why=str(error), next="fetch the file again"
        ) from error
