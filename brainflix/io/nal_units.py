"""Bytes that no whole H.264 or H.265 video has: decoders read on through them and show something else.

Three bytes that look like a start code never stand inside a unit (ITU-T H.264 and H.265, section 7.4: emulation
prevention). A piece of file that became zeros, as a bad sector or a broken transfer leaves it, is told by them.
"""

from __future__ import annotations

import re

CODECS = ("h264", "hevc")
_FORBIDDEN = re.compile(rb"\x00\x00[\x00\x01\x02]")
# Between units that are told by start codes, zeros end in a one.
_STRAY_ZEROS = re.compile(rb"\x00\x00\x00+[^\x00\x01]")


def bytes_of_length(codec: str, header: bytes | None) -> int:
    """Return how many bytes tell the length of a unit, by a codec's header; 0 where start codes part them."""
    place = 4 if codec == "h264" else 21
    if not header or len(header) <= place:
        return 0
    # Before ISO/IEC 14496-15 fixed its version, writers of H.265 put 0 there: a start code is what begins with 0 0 1 or
    # 0 0 0 1, and nothing else does.
    told = header[0] == 1 if codec == "h264" else header[0] or header[1] or header[2] > 1
    return (header[place] & 3) + 1 if told else 0


def are_whole(packet: bytes, length_bytes: int) -> bool:
    """Say whether the units of a packet are as long as they say, and hold nothing that they must not.

    Args:
        packet: one picture.
        length_bytes: as of `bytes_of_length`.
    """
    if not length_bytes:
        return _STRAY_ZEROS.search(packet) is None
    at = 0
    while at < len(packet):
        start = at + length_bytes
        at = start + int.from_bytes(packet[at:start], "big")
        if at > len(packet) or _FORBIDDEN.search(packet[start:at].rstrip(b"\x00")):
            return False
    return True
