"""What libraries raise on damaged files, found by damaging files, and what we say: they agree on no one exception."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

from PIL.Image import DecompressionBombError

from brainflix.errors import IntegrityError

# numpy, zipfile and zarr on npy, npz and zarr.
ARRAY_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, KeyError, AttributeError, TypeError, RuntimeError),
    *(TokenError, zipfile.BadZipFile, zlib.error, ArithmeticError, IndexError),
)
# Pillow on GIF, PNG and JPG.
PICTURE_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, SyntaxError, IndexError, struct.error),
    DecompressionBombError,
)


def unreadable(name: str, error: Exception, advice: str, file: Path | None = None) -> IntegrityError:
    """Return what is said of damaged data: the library's words in one line, or that `file` is empty."""
    empty = file is not None and file.is_file() and not file.stat().st_size
    why = "the file is empty" if empty else " ".join(str(error).split()) or type(error).__name__
    return IntegrityError(f"cannot read {name}", why=why, next=advice)
