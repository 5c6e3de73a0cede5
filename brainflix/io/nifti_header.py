"""The header of a NIfTI file, read by itself: what it claims is checked before a library builds anything from it.

Layout: NIfTI-1, nifti1.h (Cox et al. 2004); NIfTI-2, nifti2.h (Cox 2011).
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from brainflix.errors import DataError, IntegrityError
from brainflix.io.limits import HEADER_BYTES, check_unpacked

_AGAIN = "fetch the file again"
# Code of a type of numbers -> bytes of one.
_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says.

    Attributes:
        version: 1 or 2.
        order: of bytes, "<" or ">".
        shape: of the data, first axis fastest.
        item_bytes: of one number.
        offset: where the numbers begin.
        is_scaled: whether numbers are multiplied by a slope when they are read.
        extensions: code and content of each extension.
    """

    version: int
    order: str
    shape: tuple[int, ...]
    item_bytes: int
    offset: int
    is_scaled: bool
    extensions: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True)
class _Layout:
    """Where a version keeps what is read here, and how."""

    version: int
    size: int
    magic: tuple[int, bytes]
    datatype: int
    dimensions: tuple[int, str]
    offset: tuple[int, str]
    slope: tuple[int, str]


_LAYOUTS = (
    _Layout(1, 348, (344, b"n+1\0"), 70, (40, "8h"), (108, "f"), (112, "2f")),
    _Layout(2, 540, (4, b"n+2\0"), 12, (16, "8q"), (168, "q"), (176, "2d")),
)


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file, or what a .gz unpacks to."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def read_nifti_header(path: Path) -> NiftiHeader | None:
    """Read a header; None for a file that is no NIfTI.

    Raises:
        IntegrityError: it says what cannot be, promises more than the file can hold, or the file is truncated.
        DataError: it keeps its numbers in another file, or they are of a type that is not read here.
    """
    try:
        with open_unpacked(path) as file:
            head = file.read(4)
            found = _layout_of(head)
            if found is None:
                return None
            layout, order = found
            return _parsed(path, head + file.read(layout.size - 4), layout, order, file)
    except (OSError, EOFError, struct.error, ValueError, OverflowError) as error:
        raise IntegrityError(f"{path.name} is damaged", why=str(error) or type(error).__name__, next=_AGAIN) from error
    except Exception as error:
        if isinstance(error, (IntegrityError, DataError)):
            raise
        # zlib's error is a kind of its own.
        raise IntegrityError(f"{path.name} is damaged", why=str(error), next=_AGAIN) from error


def is_nifti(head: bytes) -> bool:
    """Say whether a file that begins so is a NIfTI file, whole or not."""
    return _layout_of(head[:4]) is not None


def _layout_of(head: bytes) -> tuple[_Layout, str] | None:
    """Return layout and order of bytes of the file that begins with these four; None for no NIfTI."""
    known = ((layout, order) for layout in _LAYOUTS for order in "<>")
    return next((each for each in known if head == struct.pack(f"{each[1]}i", each[0].size)), None)


def _parsed(path: Path, head: bytes, layout: _Layout, order: str, file: IO[bytes]) -> NiftiHeader:
    at, magic = layout.magic
    if head[at : at + 2] == b"ni":
        raise DataError(f"{path.name} keeps its numbers in another file", next="save it as one .nii file")
    if head[at : at + 4] != magic:
        raise IntegrityError(f"{path.name} is damaged", why=f"its format is {head[at : at + 4]!r}", next=_AGAIN)
    shape = _shape(path, struct.unpack_from(order + layout.dimensions[1], head, layout.dimensions[0]))
    (code,) = struct.unpack_from(f"{order}h", head, layout.datatype)
    if code not in _BYTES:
        raise DataError(f"{path.name} holds values of type {code}", why="real numbers of up to 8 bytes are read")
    (offset,) = struct.unpack_from(order + layout.offset[1], head, layout.offset[0])
    start = layout.size + 4
    if not start <= offset <= HEADER_BYTES or offset != int(offset):
        raise IntegrityError(f"{path.name} is damaged", why=f"its numbers begin at byte {offset:g}", next=_AGAIN)
    slope, intercept = struct.unpack_from(order + layout.slope[1], head, layout.slope[0])
    is_scaled = bool(math.isfinite(slope) and slope != 0 and (slope, intercept) != (1, 0))
    _check_size(path, shape, _BYTES[code], int(offset), is_scaled)
    more = file.read(4)
    content = file.read(int(offset) - start) if more[:1] != b"\0" else b""
    extensions = tuple(_extensions(path, content, order))
    return NiftiHeader(layout.version, order, shape, _BYTES[code], int(offset), is_scaled, extensions)


def _shape(path: Path, dimensions: tuple[int, ...]) -> tuple[int, ...]:
    n_axes, *sizes = dimensions
    if not 1 <= n_axes <= 7:
        raise IntegrityError(f"{path.name} says that it has {n_axes} dimensions", next=_AGAIN)
    if min(sizes[:n_axes]) < 0:
        raise IntegrityError(f"{path.name} says that its shape is {tuple(sizes[:n_axes])}", next=_AGAIN)
    return tuple(sizes[:n_axes])


def _check_size(path: Path, shape: tuple[int, ...], item_bytes: int, offset: int, is_scaled: bool) -> None:
    """Check that a file can hold so many numbers; what is scaled takes eight bytes a number in memory."""
    count = math.prod(shape)
    if path.suffix == ".gz":
        check_unpacked(path, offset + count * (max(item_bytes, 8) if is_scaled else item_bytes))
        return
    promised, held = offset + count * item_bytes, path.stat().st_size
    if promised > held:
        raise IntegrityError(
            f"{path.name} is truncated, or its header is wrong",
            why=f"data of shape {shape} need {promised} bytes, and it has {held}",
            next=_AGAIN,
        )


def _extensions(path: Path, content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield code and content of each extension; each says its own size, its eight bytes of size and code included."""
    at = 0
    while at + 16 <= len(content):
        size, code = struct.unpack_from(f"{order}2i", content, at)
        if not 8 <= size <= len(content) - at:
            raise IntegrityError(f"{path.name} is damaged", why=f"an extension of {size} bytes", next=_AGAIN)
        yield code, content[at + 8 : at + size].rstrip(b"\0")
        at += size
