"""CIFTI-2 files, opened with care: the header is believed only as far as the file's own size bears it out.

The axes of a run are half a megabyte of XML and take longer to build than the data to read. A subject's runs have the
same, so those of the last files are kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.cifti2.parse_cifti2 import Cifti2Parser
from nibabel.filebasedimages import ImageFileError

from brainflix.errors import BrainflixError, DataError, IntegrityError
from brainflix.io.fetch.annex import require_content

_CIFTI_EXTENSION = 32
_HEADER_BYTES = 540


@dataclass(frozen=True, eq=False)
class Cifti:
    """An open CIFTI-2 file: its two axes as nibabel has them (not to be changed), and its data, not read yet."""

    path: Path
    rows: Any
    columns: Any
    data: Any


def open_cifti(path: Path) -> Cifti:
    """Open a CIFTI-2 file of two axes; no data are read yet.

    Raises:
        MissingError: no such file.
        DataError: another format.
        IntegrityError: it cannot be read as any, or is shorter than its header says.
    """
    require_content(path)
    try:
        _check_dimensions(path)
        image = nib.Nifti2Image.from_filename(path, mmap=False)
        check_size(path, image.shape, image.header.get_data_dtype(), int(image.header["vox_offset"]))
        found = [each for each in image.header.extensions if each.get_code() == _CIFTI_EXTENSION]
        rows, columns = _axes(found[0].content)
    # A header that is damaged or another format's can fail in many ways, and the XML parser in more.
    except IntegrityError:
        raise
    except Exception as error:
        raise _not_cifti2(path, error) from error
    return Cifti(path, rows, columns, image.dataobj)


@lru_cache(maxsize=4)
def _axes(xml: bytes) -> tuple[Any, Any]:
    """Build the axes of rows and columns from a file's own description."""
    parser = Cifti2Parser()
    parser.parse(string=xml)
    return parser.header.get_axis(0), parser.header.get_axis(1)


def _not_cifti2(path: Path, error: Exception) -> BrainflixError:
    """Say what a file is that is not CIFTI-2."""
    try:
        image = nib.load(path, mmap=False)
    except (ImageFileError, ValueError, EOFError, OSError, OverflowError, MemoryError, TypeError, KeyError):
        why = f"{type(error).__name__}: {error}"
        return IntegrityError(f"{path.name} is not a readable CIFTI-2 file", why=why, next="fetch the file again")
    return DataError(
        f"{path.name} is not CIFTI-2 but {type(image).__name__} of shape {getattr(image, 'shape', '')}",
        next=f"wb_command -file-convert -cifti-version-convert {path.name} 2 OUT.dtseries.nii",
    )


def read_block(file: Cifti, dtype: type[np.generic] = np.float32) -> np.ndarray:
    """Read a file's data once and whole, (n_rows, n_columns).

    Raises:
        IntegrityError: the file is truncated.
        DataError: a value is not finite, or the data have another shape than the axes.
    """
    name = file.path.name
    try:
        data = np.asanyarray(file.data, dtype=dtype)
    except (OSError, ValueError, EOFError) as error:
        raise IntegrityError(f"{name} is truncated", why=str(error), next="fetch the file again") from error
    lengths = len(file.rows), len(file.columns)
    # CIFTI-2 keeps its matrix behind four empty dimensions.
    if data.shape != (1, 1, 1, 1, *lengths):
        raise DataError(f"{name} has data of shape {data.shape} and axes of lengths {lengths}")
    data = data.reshape(lengths)
    if not _all_finite(data):
        raise DataError(f"{name} holds values that are not finite")
    return data


def _all_finite(data: np.ndarray) -> bool:
    # A sum of finite float32 values in float64 is finite, and takes one pass without a mask of the same size.
    return data.dtype.kind != "f" or bool(np.isfinite(data.sum(dtype=np.float64)))


def _check_dimensions(path: Path) -> None:
    """Look at a NIfTI-2 header's own numbers before anything is built from them; other files are left to nibabel.

    Raises:
        IntegrityError: they cannot be.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    order = next((sign for sign in "<>" if head[:4] == struct.pack(f"{sign}i", _HEADER_BYTES)), None)
    if order is None or len(head) < _HEADER_BYTES:
        return
    (bits,) = struct.unpack_from(f"{order}h", head, 14)
    n_axes, *sizes = struct.unpack_from(f"{order}8q", head, 16)
    if not 1 <= n_axes <= 7:
        raise IntegrityError(f"{path.name} says that it has {n_axes} dimensions", next="fetch the file again")
    (offset,) = struct.unpack_from(f"{order}q", head, 168)
    check_size(path, tuple(sizes[:n_axes]), np.dtype(f"V{max(bits, 8) // 8}"), offset)


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
