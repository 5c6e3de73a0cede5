"""NumPy's own files: plain arrays as memory maps, arrays of Python values through the sandbox, archives with limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import IntegrityError
from brainflix.io.fetch.annex import require_content
from brainflix.io.legacy.pickles import load_pickle
from brainflix.io.npz import read_npz

_ADVICE = "fetch the file again"


def load_npy(path: Path) -> Any:
    """Read a .npy file: an array as a read-only memory map, or what an array of Python values holds.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or holds something that could act.
    """
    require_content(path)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            _, _, dtype = readers.get(version, np.lib.format.read_array_header_2_0)(file)
            start = file.tell()
        if not dtype.hasobject:
            return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        # A header is a line of Python, which can fail to be one in many ways.
        raise IntegrityError(f"{path.name} is not a readable .npy file", why=str(error), next=_ADVICE) from error
    return load_pickle(path, start=start)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a .npz file into memory; arrays of Python values are refused.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or unpacks to far more than its size.
    """
    return read_npz(path)
