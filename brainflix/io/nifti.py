"""NIfTI volumes: a mask, or a series of volumes inside a mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from brainflix.errors import DataError, IntegrityError
from brainflix.io.cifti import check_size
from brainflix.io.fetch.annex import require_content

# A compressed file does not say how large it is; no run of the field is larger than this.
_MAX_BYTES = 32 << 30


@dataclass(frozen=True)
class Volumes:
    """Volumes.

    Attributes:
        data: array of shape (i, j, k) or (i, j, k, n_volumes).
        affine: of the grid, (4, 4), in mm.
        tr_s: time between volumes in seconds, 0 where there is one volume.
    """

    data: np.ndarray
    affine: np.ndarray
    tr_s: float


def read_nifti(path: Path) -> Volumes:
    """Read a NIfTI file once and whole; scaled values become float32, others keep their type.

    Raises:
        MissingError: no such file.
        DataError: another format, or values that are not finite.
        IntegrityError: it cannot be read as any, is truncated, or its header promises more than it can hold.
    """
    require_content(path)
    try:
        image = nib.load(path, mmap=False)
    except (ImageFileError, ValueError, EOFError, OSError, OverflowError, MemoryError) as error:
        raise IntegrityError(
            f"{path.name} is not a readable NIfTI file", why=str(error), next="fetch the file again"
        ) from error
    if not isinstance(image, (nib.Nifti1Image, nib.Nifti2Image)):
        raise DataError(f"{path.name} is not NIfTI but {type(image).__name__}")
    header = image.header
    if path.suffix == ".gz":
        if int(np.prod(image.shape, dtype=object)) * header.get_data_dtype().itemsize > _MAX_BYTES:
            raise IntegrityError(f"{path.name} says that it holds volumes of shape {image.shape}, which nothing does")
    else:
        check_size(path, image.shape, header.get_data_dtype(), int(header["vox_offset"]))
    try:
        data = np.asanyarray(image.dataobj)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise IntegrityError(f"{path.name} is truncated", why=str(error), next="fetch the file again") from error
    data = data.astype(np.float32) if data.dtype == np.float64 else data
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise DataError(f"{path.name} holds values that are not finite")
    zooms = header.get_zooms()
    return Volumes(data, np.asarray(image.affine), float(zooms[3]) if data.ndim == 4 else 0.0)


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
