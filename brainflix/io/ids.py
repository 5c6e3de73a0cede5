"""Ids of clips as arrays hold them: text, bytes or numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


def names_of(ids: NDArray[np.generic], file: Path) -> list[str]:
    """Return ids as text, however an array holds them.

    Args:
        ids: array of shape (n_clips,).
        file: where they come from.

    Raises:
        DataError: bytes that are no text.
    """
    if ids.dtype.kind == "S":
        try:
            ids = np.char.decode(np.asarray(ids, np.bytes_), "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"cannot read the ids of {file.name}", why=str(error), next="save them as text") from error
    return [str(name) for name in ids.ravel()]
