"""CIFTI-2 files, opened with care: the header is believed only as far as the file's own size bears it out.

The axes of a run are half a megabyte of XML and take longer to build than the data to read. A subject's runs have the
same, so those of the last files are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.cifti2.parse_cifti2 import Cifti2Parser

from brainflix.errors import BrainflixError, DataError, IntegrityError
from brainflix.io.fetch.annex import require_content
from brainflix.io.nifti_header import NiftiHeader, read_nifti_header
from brainflix.io.xml_guard import look_through
from brainflix.store.checks import check_finite

CIFTI_EXTENSION = 32
# What the XML counts; the library makes a place for each before it reads on.
_COUNTS = ("IndexCount", "IndexOffset", "NumberOfSeriesPoints")


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
        DataError: not CIFTI-2.
        IntegrityError: the file is damaged, or shorter than its header says.
    """
    require_content(path)
    header = read_nifti_header(path)
    found = [content for code, content in header.extensions if code == CIFTI_EXTENSION] if header else []
    if header is None or header.version != 2 or not found:
        raise _not_cifti2(path, header)
    try:
        _check_counts(found[0], sum(header.shape))
        rows, columns = _axes(found[0])
        image = nib.Nifti2Image.from_filename(path, mmap=False)
    # XML that is damaged, or another format's, can fail in many ways.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        advice = "fetch the file again"
        raise IntegrityError(f"{path.name} is not a readable CIFTI-2 file", why=why, next=advice) from error
    return Cifti(path, rows, columns, image.dataobj)


def _check_counts(xml: bytes, most: int) -> None:
    """Refuse XML that counts more than the data have, however many elements it is spread over.

    Raises:
        ValueError: it does, or it declares entities.
        expat.ExpatError: it is no XML.
    """
    total = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal total
        for each in _COUNTS:
            count = int(attributes.get(each) or 0)
            total += count if each == "IndexCount" else 0
            if not 0 <= count <= most or total > most:
                raise ValueError(f"{name} counts {each}={count}, and the data have {most} in all")

    look_through(xml, start)


@lru_cache(maxsize=4)
def _axes(xml: bytes) -> tuple[Any, Any]:
    """Build the axes of rows and columns from a file's own description."""
    parser = Cifti2Parser()
    parser.parse(string=xml)
    return parser.header.get_axis(0), parser.header.get_axis(1)


def _not_cifti2(path: Path, header: NiftiHeader | None) -> BrainflixError:
    """Say what a file is that is not CIFTI-2."""
    if header is None:
        why = "it is no NIfTI file at all"
        return IntegrityError(f"{path.name} is not a readable CIFTI-2 file", why=why, next="fetch the file again")
    return DataError(
        f"{path.name} is not CIFTI-2 but NIfTI-{header.version} of shape {header.shape}",
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
        lengths = len(file.rows), len(file.columns)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise IntegrityError(f"{name} is truncated", why=why, next="fetch the file again") from error
    # CIFTI-2 keeps its matrix behind four empty dimensions.
    if data.shape != (1, 1, 1, 1, *lengths):
        raise DataError(f"{name} has data of shape {data.shape} and axes of lengths {lengths}")
    data = data.reshape(lengths)
    check_finite(name, data)
    return data
