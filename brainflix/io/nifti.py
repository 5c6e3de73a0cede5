"""NIfTI volumes: a mask, or a series of volumes inside a mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from brainflix.errors import DataError, IntegrityError
from brainflix.io.cifti import CIFTI_EXTENSION
from brainflix.io.fetch.annex import require_content
from brainflix.io.nifti_header import read_nifti_header
from brainflix.store.checks import check_finite

# Where a header names no unit, seconds are meant. Hertz, ppm and radians are of other axes than time (nifti1.h).
_SECONDS = {"unknown": 1.0, "sec": 1.0, "msec": 1e-3, "usec": 1e-6}


@dataclass(frozen=True)
class Volumes:
    """Volumes.

    Attributes:
        data: array of shape (i, j, k) or (i, j, k, n_volumes).
        affine: of the grid, (4, 4), in mm.
        tr_s: time between volumes in seconds, 0 where there is one volume or they do not follow each other in time.
    """

    data: np.ndarray
    affine: np.ndarray
    tr_s: float


def read_nifti(path: Path) -> Volumes:
    """Read a NIfTI file once and whole; scaled values become float32, others keep their type.

    Raises:
        MissingError: no such file.
        DataError: not NIfTI, or values that are not finite.
        IntegrityError: it is truncated, or its header promises more than it can hold.
    """
    require_content(path)
    header = read_nifti_header(path)
    if header is None:
        raise IntegrityError(f"{path.name} is not a readable NIfTI file", next="fetch the file again")
    if any(code == CIFTI_EXTENSION for code, _ in header.extensions):
        raise DataError(f"{path.name} is not a NIfTI volume but CIFTI")
    try:
        image = (nib.Nifti1Image if header.version == 1 else nib.Nifti2Image).from_filename(path, mmap=False)
        data = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, np.float64)
        tr_s = _tr_s(image.header) if data.ndim == 4 else 0.0
    # What a header says of space and scale can fail in many ways, and what a .gz holds in more.
    except Exception as error:
        why = str(error) or type(error).__name__
        raise IntegrityError(f"{path.name} is truncated or damaged", why=why, next="fetch the file again") from error
    if not (np.isfinite(affine).all() and 0 <= tr_s < np.inf):
        raise DataError(f"{path.name} has a grid or a repetition time that is not finite")
    # What is too large for float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        data = data.astype(np.float32) if data.dtype == np.float64 else data
    check_finite(path.name, data)
    return Volumes(data, affine, tr_s)


def _tr_s(header: Any) -> float:
    """Return the time between volumes in seconds, in whatever unit of time the header counts; 0 in any other."""
    return float(header.get_zooms()[3]) * _SECONDS.get(header.get_xyzt_units()[1], 0.0)


def inside(volumes: Volumes, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the series of the voxels inside a mask (i, j, k), and their places in C order.

    Returns:
        float32 array of shape (n_volumes, n_voxels), and int32 places of shape (n_voxels,).

    Raises:
        DataError: the mask has another grid.
    """
    if volumes.data.shape[:3] != mask.shape:
        raise DataError(f"volumes of {volumes.data.shape[:3]} voxels and a mask of {mask.shape}")
    places = np.flatnonzero(mask.ravel()).astype(np.int32)
    series = volumes.data.reshape(mask.size, -1)[places].T
    return np.ascontiguousarray(series, np.float32), places
