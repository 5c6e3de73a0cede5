"""Whether a file is as long as it says: decoders stop without a word where a file breaks off.

Containers say how many bytes follow (Matroska: RFC 8794 and 9559; MP4: ISO/IEC 14496-12, section 4.2; AVI and WebP: the
RIFF chunk), or how they end (GIF89a, section 27, Trailer; PNG, section 11.2, IEND). PNG has a checksum of every part,
and packets of a transport stream are of one length.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from brainflix.errors import IntegrityError
from brainflix.io.room import MAX_PIXELS

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_SYNC, _PACKET = b"\x47", 188
_PNG = b"\x89PNG\r\n\x1a\n"
# Boxes that lie at the top of an MP4 file. What follows the last of them may be anything.
_TOP_BOXES = (b"ftyp", b"mdat", b"moov", b"moof", b"free", b"skip", b"wide", b"udta", b"sidx", b"styp", b"mfra")
# Tables of packed sound count what comes out of a byte.
_SOUNDS_A_BYTE = 8
_INSIDE = {b"moov": (b"trak",), b"trak": (b"mdia",), b"mdia": (b"minf",), b"minf": (b"stbl",), b"stbl": (b"stsz",)}


def check_whole(path: Path) -> None:
    """Refuse a video or picture that is shorter than it says, or whose own checksums do not hold.

    Raises:
        IntegrityError: it breaks off, or is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            stated = _stated(file, size)
        except (struct.error, IndexError):
            stated = size + 1 if size else 0
    if stated > size:
        much = f"{stated} bytes" if stated > size + 1 else "more"
        why = f"it breaks off: the file has {size} bytes and says that there are {much}"
        raise IntegrityError(f"cannot read {path.name}", why=why, next=f"make or fetch {path.name} again")


def _stated(file: BinaryIO, size: int) -> int:
    """Return how many bytes a file should have; its own size where it does not say."""
    head = file.read(16)
    if head[:4] == _EBML:
        return _end_of_segment(file, size)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WEBP"):
        length = struct.unpack("<I", head[4:8])[0]
        # Writers disagree whether a byte that pads the last chunk counts.
        return length + 8 - 1 if length not in (0, 0xFFFFFFFF) else size
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _end_of_gif(file, size)
    if head[:8] == _PNG:
        return _end_of_png(file, size)
    if head[4:8] in _TOP_BOXES:
        return _end_of_boxes(file, size)
    if head[:1] == _SYNC:
        return _end_of_packets(file, size)
    return size


def _end_of_segment(file: BinaryIO, size: int) -> int:
    """Return where Matroska's segment ends; the file's own size if that is not said."""
    file.seek(4)
    file.seek(min(_vint(file) or 0, size), 1)
    if file.read(4) != _SEGMENT:
        return size
    length = _vint(file)
    return size if length is None else file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """Read a length of Matroska; None if it is unknown."""
    first = file.read(1)[0]
    n_more = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & (0x7F >> n_more)]) + file.read(n_more), "big")
    return None if value == (1 << 7 * (n_more + 1)) - 1 else value


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Return where the last box of an MP4 ends.

    Raises:
        IntegrityError: its table names more pictures than the file has bytes.
    """
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = _box(file, size - at)
        if kind not in _TOP_BOXES:
            return at
        if kind == b"moov" and at + length <= size:
            _check_samples(file, at, length, size)
        at += length
    return at


def _box(file: BinaryIO, left: int) -> tuple[int, bytes]:
    """Read length and kind of a box; one without a length goes on to the end."""
    length, kind = struct.unpack(">I4s", file.read(8))
    if length == 1:
        length = struct.unpack(">Q", file.read(8))[0]
    return (left if length == 0 else max(8, length)), kind


def _check_samples(file: BinaryIO, at: int, length: int, size: int) -> None:
    """Look into a box for tables of samples: libraries make room for all that a table names."""
    file.seek(at)
    _, kind = _box(file, length)
    if kind == b"stsz":
        _, each, count = struct.unpack(">3I", file.read(12))
        if count * max(each, 1) > _SOUNDS_A_BYTE * size:
            raise IntegrityError(f"{Path(file.name).name} names {count} pictures, which its {size} bytes cannot hold")
        return
    inner, end = file.tell(), at + length
    while inner + 8 <= end:
        file.seek(inner)
        step, found = _box(file, end - inner)
        if found in _INSIDE.get(kind, ()) and inner + step <= end:
            _check_samples(file, inner, step, size)
        inner += step


def _end_of_png(file: BinaryIO, size: int) -> int:
    """Return where the last chunk of a PNG ends, as far as its chunks lead.

    Raises:
        IntegrityError: a chunk's checksum does not hold.
    """
    file.seek(len(_PNG))
    while True:
        head = file.read(8)
        kind, length = head[4:], int.from_bytes(head[:4], "big")
        if len(kind) < 4:
            return size + 1
        end = file.tell() + length + 4
        if end > size:
            return end
        data, checksum = file.read(length), int.from_bytes(file.read(4), "big")
        if zlib.crc32(data, zlib.crc32(kind)) != checksum:
            name = Path(file.name).name
            raise IntegrityError(f"{name} is damaged", why="a checksum in it does not hold", next=f"make {name} again")
        if kind == b"IEND":
            return end


def _end_of_packets(file: BinaryIO, size: int) -> int:
    """Return where the last packet of an MPEG transport stream ends (ITU-T H.222.0, section 2.4.3).

    Raises:
        IntegrityError: a packet does not begin as all do.
    """
    file.seek(_PACKET)
    if file.read(1) != _SYNC:
        return size
    for at in range(0, size, _PACKET):
        file.seek(at)
        if file.read(1) != _SYNC:
            name = Path(file.name).name
            raise IntegrityError(f"{name} is damaged", why=f"at byte {at} no packet begins", next=f"make {name} again")
    return -(-size // _PACKET) * _PACKET


def _end_of_gif(file: BinaryIO, size: int) -> int:
    """Return where a GIF's trailer should be, as far as its blocks lead.

    Raises:
        IntegrityError: a picture is larger than any that is shown.
    """
    file.seek(6)
    flags = struct.unpack("<4xB2x", file.read(7))[0]
    file.seek(_colours(flags), 1)
    while True:
        mark = file.read(1)
        if mark == b"\x3b":
            return file.tell()
        if mark == b"\x21":
            file.seek(1, 1)
        elif mark == b"\x2c":
            left, top, width, height, flags = struct.unpack("<4HB", file.read(9))
            if (left + width) * (top + height) > MAX_PIXELS:
                raise IntegrityError(f"{Path(file.name).name} states a picture of {width}x{height}")
            file.seek(_colours(flags) + 1, 1)
        elif not mark:
            return size + 1
        else:
            # Not a block: Pillow passes over it, and so does this.
            continue
        while length := file.read(1)[0]:
            file.seek(length, 1)


def _colours(flags: int) -> int:
    """Return the bytes of the table of colours that a GIF's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
