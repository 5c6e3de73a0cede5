"""HDF5 files: data sets by name, from this file alone.

The library's own reader is a large program; a damaged file may keep it busy for ever or end it. So it runs in a process
of its own (`hdf5_inside`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.io.confined.parent import iterate_confined

_WHAT = "HDF5 file"


def shapes_of(*paths: Path) -> list[dict[str, tuple[int, ...]]]:
    """Return for each file the shapes of all its data sets by name, sorted; nested ones with slashes.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, refers to other files, or has a group under two names.
    """
    found = iterate_confined("hdf5-shapes", paths, {}, _WHAT)
    return [{str(name): tuple(shape) for name, shape in each.items()} for each in found]


def read_datasets(path: Path, keys: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield data sets whole, one after the other; texts become Python strings in an object array.

    Raises:
        MissingError: no such file or data set.
        DataError: one holds references or records instead of numbers or texts.
        IntegrityError: it is damaged, refers to other files, or says that it is larger than the file explains.
    """
    with closing(_iterate("hdf5-arrays", [path], {"keys": list(keys)})) as answers:
        for each in answers:
            yield np.array(each["texts"], dtype=object) if isinstance(each, Mapping) else each


def read_blocks(
    paths: Sequence[Path], key: str, rows: int, window: tuple[slice, ...] = (), times: int = 1
) -> Iterator[np.ndarray]:
    """Yield blocks of so many first-axis rows of a data set of numbers, cut to a window of its other axes.

    The blocks of the first file come so many times over, then those of the next.

    Raises:
        as `read_datasets`.
    """
    cut = [[each.start, each.stop] for each in window]
    options = {"key": key, "rows": rows, "window": cut, "times": times}
    with closing(_iterate("hdf5-blocks", paths, options, times)) as answers:
        yield from answers


def _iterate(reader: str, paths: Sequence[Path], options: Mapping[str, Any], times: int = 1) -> Any:
    return iterate_confined(reader, paths, options, _WHAT, times=times)
