"""GIFTI files of one hemisphere: one data array for each volume or map."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from brainflix.errors import DataError, IntegrityError
from brainflix.io.fetch.annex import require_content


def read_func_gii(path: Path) -> np.ndarray:
    """Read a functional or shape file: float32 array of shape (n_volumes, n_vertices).

    The repetition time is not in the file; a BIDS sidecar has it.

    Raises:
        MissingError: no such file.
        DataError: another format, volumes of different lengths, or values that are not finite.
        IntegrityError: it cannot be read as any.
    """
    require_content(path)
    try:
        image = nib.load(path)
        if not isinstance(image, nib.GiftiImage):
            raise DataError(f"{path.name} is not GIFTI but {type(image).__name__}")
        rows = [np.asarray(each.data, np.float32) for each in image.darrays]
    except Exception as error:
        # The XML parser's own errors have no common base with the others.
        if isinstance(error, DataError):
            raise
        why = f"{type(error).__name__}: {error}"
        raise IntegrityError(
            f"{path.name} is not a readable GIFTI file", why=why, next="fetch the file again"
        ) from error
    if not rows or len({row.shape for row in rows}) != 1 or rows[0].ndim != 1:
        raise DataError(f"{path.name} holds arrays of shapes {sorted({row.shape for row in rows})}")
    data = np.stack(rows)
    if not np.isfinite(data).all():
        raise DataError(f"{path.name} holds values that are not finite")
    return data
