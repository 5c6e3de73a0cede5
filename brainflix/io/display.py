"""A decoded frame as a player shows it: turned as its container says, on black where it is transparent, in RGB.

Matrix and range of its colours are those that the file states; BT.601 in limited range where it states none, as FFmpeg
takes them.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.io.frames import resize
from brainflix.io.room import check_picture

Pixels = NDArray[np.uint8]
ALPHA_NOTE = "alpha was composited on black"
TURNED_NOTE = "pictures were turned as their files say"
STRETCHED_NOTE = "pixels that are not square were stretched"
# Numbers of ITU-T H.273, table 3: SMPTE ST 2084 and ARIB STD-B67.
_HIGH_RANGE = (16, 18)
_ONE = 1 << 16
_SQUARE = Fraction(1)


def shown(
    frame: av.VideoFrame, converter: VideoReformatter, name: str, aspect: Fraction = _SQUARE
) -> tuple[Pixels, list[str]]:
    """Return a frame as RGB pixels (height, width, 3) and what was done to it or left undone.

    Args:
        frame: as it was decoded.
        converter: to RGB.
        name: of its file, for messages.
        aspect: width of a pixel by its height, before the picture is turned; 1 leaves pixels as they are.

    Raises:
        DataError: it is to be turned by something else than quarter turns.
        IntegrityError: with square pixels it would be absurdly wide, or nothing.
    """
    has_alpha = any(component.is_alpha for component in frame.format.components)
    pixels = np.asarray(converter.reformat(frame, format="rgba" if has_alpha else "rgb24").to_ndarray(), np.uint8)
    notes: list[str] = []
    if has_alpha:
        pixels, notes = on_black(pixels)
    pixels = _square(pixels, aspect, name)
    turned = _turned(pixels, frame, name)
    if turned is not pixels:
        notes.append(TURNED_NOTE)
    if frame.color_trc in _HIGH_RANGE:
        notes.append("its high dynamic range was not mapped to a common screen's")
    if frame.interlaced_frame:
        notes.append("it is interlaced: frames show both fields")
    return turned, notes


def _square(pixels: Pixels, aspect: Fraction, name: str) -> Pixels:
    """Return a picture (height, width, 3) whose pixels are `aspect` times as wide as high with square ones.

    Raises:
        IntegrityError: it would be absurdly wide, or nothing.
    """
    if aspect == 1:
        return pixels
    height, width = pixels.shape[:2]
    wide = round(width * aspect)
    check_picture(wide, height, name)
    stretched: Pixels = resize(pixels[None], height, wide)[0]
    return stretched


def on_black(rgba: Pixels) -> tuple[Pixels, list[str]]:
    """Composite (..., 4) on black; a fully opaque picture is not changed and gets no note."""
    if (rgba[..., 3] == 255).all():
        return np.ascontiguousarray(rgba[..., :3]), []
    made = np.empty((*rgba.shape[:-1], 3), np.uint8)
    for channel in range(3):
        # The nearest whole number; a product by 255 is never halfway between two.
        made[..., channel] = (rgba[..., channel].astype(np.uint16) * rgba[..., 3] + 127) // 255
    return made, [ALPHA_NOTE]


def _turned(pixels: Pixels, frame: av.VideoFrame, name: str) -> Pixels:
    """Turn and mirror a picture as its display matrix says (ISO/IEC 14496-12, section 8.3.2)."""
    found = [data for data in frame.side_data if data.type == Type.DISPLAYMATRIX]
    if not found:
        return pixels
    (a, b), (c, d) = np.frombuffer(bytes(found[0]), np.int32).reshape(3, 3)[:2, :2].tolist()
    if (a, b, c, d) == (_ONE, 0, 0, _ONE):
        return pixels
    if (abs(a), abs(b), abs(c), abs(d)) == (_ONE, 0, 0, _ONE):
        across, down = a, d
    elif (abs(a), abs(b), abs(c), abs(d)) == (0, _ONE, _ONE, 0):
        across, down, pixels = c, b, pixels.transpose(1, 0, 2)
    else:
        why = "it is to be turned or stretched otherwise than by quarter turns"
        raise DataError(f"cannot show {name} as a player does", why=why, next="encode it upright")
    return np.ascontiguousarray(pixels[:: 1 if down > 0 else -1, :: 1 if across > 0 else -1])
