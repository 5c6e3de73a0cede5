"""What libraries raise on damaged files, found by damaging files: they do not agree on one exception."""

from __future__ import annotations

import struct
import zipfile
import zlib
from tokenize import TokenError

from PIL.Image import DecompressionBombError

# numpy, zipfile and zarr on npy, npz and zarr.
ARRAY_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, KeyError, AttributeError, TypeError, RuntimeError),
    *(TokenError, zipfile.BadZipFile, zlib.error),
)
# Pillow on GIF, PNG and JPG.
PICTURE_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, SyntaxError, IndexError, struct.error),
    DecompressionBombError,
)
