"""CIFTI-2 files, opened with care: the header is believed only as far as the file's own size bears it out."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from brainflix.errors import DataError, IntegrityError, MissingError


def open_cifti(path: Path) -> nib.Cifti2Image:
    """Open a CIFTI-2 file; no data are read yet.

    Raises:
        MissingError: no such file.
        DataError: not CIFTI-2.
        IntegrityError: the file is shorter than its header says.
    """
    if not path.is_file():
        raise MissingError(f"no file at {path}")
    try:
        image = nib.load(path, mmap=False)
    # A damaged header can make nibabel fail in many ways.
    except (ImageFileError, ValueError, EOFError, OSError, OverflowError, MemoryError, TypeError, KeyError) as error:
        raise DataError(f"{path.name} is not a readable CIFTI-2 file", why=str(error)) from error
    if not isinstance(image, nib.Cifti2Image):
        raise DataError(
            f"{path.name} is not CIFTI-2 but {type(image).__name__} of shape {getattr(image, 'shape', '')}",
            next=f"wb_command -file-convert -cifti-version-convert {path.name} 2 OUT.dtseries.nii",
        )
    header = image.nifti_header
    check_size(path, image.shape, header.get_data_dtype(), int(header["vox_offset"]))
    return image


def read_block(image: nib.Cifti2Image, path: Path, dtype: type[np.generic] = np.float32) -> np.ndarray:
    """Read a file's data once and whole, (n_rows, n_columns).

    Raises:
        IntegrityError: the file is truncated.
        DataError: a value is not finite, or the data have another shape than the axes.
    """
    try:
        data = np.asanyarray(image.dataobj, dtype=dtype)
    except (OSError, ValueError, EOFError) as error:
        raise IntegrityError(f"{path.name} is truncated", why=str(error), next="fetch the file again") from error
    lengths = tuple(len(image.header.get_axis(axis)) for axis in range(data.ndim))
    if data.shape != lengths:
        raise DataError(f"{path.name} has data of shape {data.shape} and axes of lengths {lengths}")
    if not np.isfinite(data).all():
        raise DataError(f"{path.name} holds values that are not finite")
    return data


def check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
    """Compare what a header promises with the size of an uncompressed file, before anything is allocated.

    Raises:
        IntegrityError: the file cannot hold so much.
    """
    promised = offset + int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    held = path.stat().st_size
    if min(shape, default=0) < 0 or promised > held:
        raise IntegrityError(
            f"{path.name} is truncated, or its header is wrong",
            why=f"data of shape {shape} need {promised} bytes, and it has {held}",
            next="fetch the file again",
        )
