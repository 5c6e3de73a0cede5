"""Zip archives encrypted in the old way, written from PKWARE's APPNOTE 6.1: the standard library only reads them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_TABLE = [0] * 256
for _number in range(256):
    _value = _number
    for _ in range(8):
        _value = (_value >> 1) ^ (0xEDB88320 if _value & 1 else 0)
    _TABLE[_number] = _value


def _crc(value: int, byte: int) -> int:
    return (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]


def _locked(plain: bytes, password: bytes) -> bytes:
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    for byte in password:
        update(byte)
    out = bytearray()
    for byte in plain:
        word = (keys[2] | 2) & 0xFFFF
        out.append(byte ^ ((word * (word ^ 1)) >> 8 & 0xFF))
        update(byte)
    return bytes(out)


def locked_zip(files: Mapping[str, bytes], password: str) -> bytes:
    """An archive of deflated members, each encrypted; an empty password encrypts none."""
    body, directory = bytearray(), bytearray()
    for name, content in files.items():
        packer = zlib.compressobj(wbits=-15)
        packed, crc = packer.compress(content) + packer.flush(), zlib.crc32(content)
        if password:
            packed = _locked(bytes(range(11)) + bytes([crc >> 24]) + packed, password.encode())
        facts = struct.pack("<HHHHHIII", 20, bool(password), 8, 0, 0x5A21, crc, len(packed), len(content))
        named = name.encode()
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + facts
        directory += struct.pack("<HHHHHII", len(named), 0, 0, 0, 0, 0, len(body)) + named
        body += b"PK\x03\x04" + facts + struct.pack("<HH", len(named), 0) + named + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)
