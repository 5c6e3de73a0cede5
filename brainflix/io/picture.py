"""One picture of a file as a viewer shows it, in RGB: sizes are checked before it is unpacked, and damage is damage."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.error import InvalidDataError
from PIL import Image, ImageOps

from brainflix.errors import DataError, IntegrityError
from brainflix.io.damage import PICTURE_DAMAGE, unreadable
from brainflix.io.display import TURNED_NOTE, Pixels, on_black
from brainflix.io.room import check_picture
from brainflix.io.whole import check_whole

GREY_NOTE = "grayscale became three equal channels"
# Pillow reads many formats more, some by way of other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_JPEG = ("JPEG", "MPO")
# Tag of Exif 2.3, Orientation.
_ORIENTATION = 0x0112


def open_picture(file: BinaryIO, path: Path) -> Image.Image:
    """Open a picture or an animation without unpacking it.

    Raises:
        IntegrityError: it states an absurd size, or an animation that is none.
    """
    _check_webp(file, path.name)
    with warnings.catch_warnings(record=True) as said:
        # That a picture is large is said below, with a narrower limit.
        warnings.simplefilter("always")
        image = Image.open(file, formats=FORMATS)
    check_picture(*image.size, path.name)
    if any("APNG" in str(each.message) for each in said):
        why = "it states an animation that it does not hold"
        raise IntegrityError(f"{path.name} is damaged", why=why, next=f"make {path.name} again")
    return image


def read_picture(path: Path) -> tuple[Pixels, list[str]]:
    """Return the pixels (height, width, 3) of a file that holds one picture, and what was changed.

    Raises:
        IntegrityError: it is damaged, as far as its format tells.
        DataError: it is deeper than 8 bits, or holds several pictures.
    """
    check_whole(path)
    try:
        with path.open("rb") as file:
            with open_picture(file, path) as image:
                if image.format not in _JPEG and getattr(image, "n_frames", 1) > 1:
                    raise DataError(f"{path.name} is animated", why="a frame of a clip is one picture")
                pixels, notes = to_rgb(image, path.name)
                kind = image.format
            if kind in _JPEG:
                _check_codes(file, path.name)
    except PICTURE_DAMAGE as error:
        raise not_read(path, error) from error
    return pixels, notes


def to_rgb(image: Image.Image, name: str) -> tuple[Pixels, list[str]]:
    """Return an image as RGB pixels (height, width, 3) and what was changed.

    Raises:
        DataError: it is deeper than 8 bits.
    """
    if image.mode.startswith(("I", "F")):
        raise DataError(f"cannot use {name}", why=f"pixels of mode {image.mode} are not 8 bits deep")
    check_picture(*image.size, name)
    notes = []
    upright = image
    if image.format != "GIF" and image.getexif().get(_ORIENTATION, 1) != 1:
        upright = ImageOps.exif_transpose(image)
        notes.append(TURNED_NOTE)
    if upright.has_transparency_data:
        pixels, said = on_black(np.asarray(upright.convert("RGBA")))
        return pixels, notes + said
    return np.asarray(upright.convert("RGB")), notes + ([GREY_NOTE] if upright.mode in ("L", "1") else [])


def not_read(path: Path, error: Exception) -> IntegrityError:
    """Return what is said of a picture that cannot be read."""
    return unreadable(path.name, error, f"make or fetch {path.name} again", path)


def _check_codes(file: BinaryIO, name: str) -> None:
    """Look for codes of a JPEG that are none: Pillow's library goes on with grey where they end.

    Raises:
        IntegrityError: there is one.
    """
    file.seek(0)
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_type, decoder.thread_count = "NONE", 1
    decoder.options = {"err_detect": "explode"}
    try:
        decoder.decode(av.Packet(file.read()))
    except InvalidDataError as error:
        raise IntegrityError(f"{name} is damaged", why=str(error.strerror), next=f"make {name} again") from error
    except av.error.FFmpegError:
        # A JPEG of a kind that FFmpeg cannot check.
        return


def _check_webp(file: BinaryIO, name: str) -> None:
    """Check the size that a WebP states: Pillow unpacks its canvas to open it (RFC 9649, section 2)."""
    head = file.read(30)
    file.seek(0)
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", head[26:30]))
    check_picture(width, height, name)
