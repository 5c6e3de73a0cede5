"""GIFTI files of one hemisphere: one data array for each volume or map.

Read here and not by a library: a GIFTI file may name other files for its numbers, and packs them by a method that gives
a thousand times their size; neither is followed. Layout: GIFTI 1.0 (Harwell et al. 2008).
"""

from __future__ import annotations

import base64
import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from brainflix.errors import DataError, IntegrityError
from brainflix.io.fetch.annex import require_content
from brainflix.io.limits import check_unpacked
from brainflix.io.nifti_header import is_nifti
from brainflix.io.xml_guard import look_through
from brainflix.store.checks import check_finite

_TYPES = {"NIFTI_TYPE_UINT8": "u1", "NIFTI_TYPE_INT32": "i4", "NIFTI_TYPE_FLOAT32": "f4", "NIFTI_TYPE_FLOAT64": "f8"}
_ENDS = {"LittleEndian": "<", "BigEndian": ">"}
_PACKED = "GZipBase64Binary"


@dataclass
class _Array:
    """One data array as it stands in the file: what it says of itself, and its text in pieces."""

    says: dict[str, str]
    text: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(self.says[f"Dim{axis}"]) for axis in range(int(self.says["Dimensionality"])))

    @property
    def dtype(self) -> np.dtype[np.generic]:
        # ASCII has no order of bytes.
        return np.dtype(_ENDS.get(self.says.get("Endian", ""), "<") + _TYPES[self.says["DataType"]])

    def numbers(self) -> np.ndarray:
        """Return the numbers, of its shape."""
        encoding, text = self.says["Encoding"], "".join(self.text)
        if encoding == "ASCII":
            values = np.array(text.split(), dtype=self.dtype)
        else:
            body = base64.b64decode("".join(text.split()), validate=True)
            if encoding == _PACKED:
                body = _unpacked(body, math.prod(self.shape) * self.dtype.itemsize)
            values = np.frombuffer(body, self.dtype)
        order = {"RowMajorOrder": "C", "ColumnMajorOrder": "F"}[self.says.get("ArrayIndexingOrder", "RowMajorOrder")]
        return values.reshape(self.shape, order=order)  # type: ignore[call-overload, no-any-return]


class _Parser:
    """Collects the data arrays of a file while its XML is looked through."""

    def __init__(self) -> None:
        self.arrays: list[_Array] = []
        self.root = self.element = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        self.root, self.element = self.root or name, name
        if name == "DataArray":
            self.arrays.append(_Array(dict(attributes)))

    def text(self, piece: str) -> None:
        """Keep the text of numbers."""
        if self.element == "Data" and self.arrays:
            self.arrays[-1].text.append(piece)


def read_func_gii(path: Path) -> np.ndarray:
    """Read a functional or shape file: float32 array of shape (n_volumes, n_vertices).

    The repetition time is not in the file; a BIDS sidecar has it.

    Raises:
        MissingError: no such file.
        DataError: a NIfTI file, volumes of different lengths, or values that are not finite.
        IntegrityError: not GIFTI, damaged, with entities or numbers in other files, or it would unpack to far more
            than its size.
    """
    require_content(path)
    parser = _Parser()
    try:
        xml = _xml(path)
        if is_nifti(xml):
            raise DataError(f"{path.name} is no GIFTI but a NIfTI file")
        look_through(xml, parser.start, parser.text)
        if parser.root != "GIFTI":
            raise ValueError(f"its root is {parser.root}")
        _check(path, parser.arrays)
        rows = [each.numbers() for each in parser.arrays]
    except DataError:
        raise
    except IntegrityError as error:
        raise IntegrityError(f"{path.name}: {error.what}", why=error.why, next=error.next) from error
    except Exception as error:
        # The XML parser's own errors have no common base with the others.
        why = f"{type(error).__name__}: {error}"
        raise IntegrityError(
            f"{path.name} is not a readable GIFTI file", why=why, next="fetch the file again"
        ) from error
    if not rows or len({row.shape for row in rows}) != 1 or rows[0].ndim != 1:
        raise DataError(f"{path.name} holds arrays of shapes {sorted({row.shape for row in rows})}")
    # What is too large for float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        data = np.stack(rows).astype(np.float32)
    check_finite(path.name, data)
    return data


def _xml(path: Path) -> bytes:
    """Return a file's text, unpacked where it is a .gz, and no more of it than its size explains."""
    if path.suffix != ".gz":
        return path.read_bytes()
    with gzip.open(path) as file:
        size = 0
        while piece := file.read(1 << 20):
            size += len(piece)
            check_unpacked(path, size)
        file.seek(0)
        return file.read()


def _check(path: Path, arrays: list[_Array]) -> None:
    """Refuse numbers in other files, and shapes that the file cannot hold."""
    total = 0
    for each in arrays:
        if each.says.get("ExternalFileName") or each.says["Encoding"] == "ExternalFileBinary":
            raise IntegrityError("it keeps its numbers in another file", next="save it as one .gii file")
        if min(each.shape, default=0) < 0:
            raise ValueError(f"an array has the shape {each.shape}")
        total += math.prod(each.shape) * each.dtype.itemsize
    check_unpacked(path, total)


def _unpacked(body: bytes, size: int) -> bytes:
    """Return what zlib packed, which must have so many bytes."""
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(body, size + 1)
    if len(found) != size or not unpacker.eof:
        raise IntegrityError(f"an array unpacks to other than the {size} bytes that it states")
    return found
