"""Tar archives read in order: no header may be longer than names are, and no packed one may want much memory.

A member's long name, and the records that may stand before a member, are read whole into memory. Packed by gzip, a name
of a gigabyte takes a megabyte.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from brainflix.errors import IntegrityError

# All headers of one member together.
_HEADER_BYTES = 1 << 20
# The strongest setting of xz needs 65 MiB.
_XZ_BYTES = 256 << 20
_CHUNK_BYTES = 1 << 16


def iterate_tar(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield each member with what reads it, None for what is no plain file; a member must be read before the next.

    Raises:
        IntegrityError: it is truncated, or a header is longer than any name.
        tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError: it is damaged otherwise.
    """
    with _unpacked(archive) as stream:
        source = _InOrder(stream, archive.name)
        with tarfile.TarFile(fileobj=cast("IO[bytes]", source)) as opened:
            while (info := source.next_member(opened)) is not None:
                yield info, opened.extractfile(info) if info.isreg() else None
                # It would otherwise keep them all.
                opened.members.clear()  # type: ignore[attr-defined]
            # Cut between two members, an archive looks whole but for the empty block that ends it.
            stream.seek(opened.offset)
            if stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise IntegrityError(f"{archive.name} is truncated", next="fetch the file again")


class _InOrder:
    """A stream that counts what is read of it while a header is."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.stream, self.name = stream, name
        self.room: int | None = _HEADER_BYTES

    def next_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo | None:
        """Return the next member's header."""
        self.room = _HEADER_BYTES
        try:
            return opened.next()
        finally:
            self.room = None

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes."""
        if self.room is not None:
            self.room -= size
            if size < 0 or self.room < 0:
                raise IntegrityError(
                    f"{self.name} has a header of more than {_HEADER_BYTES >> 20} MiB",
                    why="no name is as long; it only fills the memory",
                    next="do not unpack it with other tools; fetch it again from its source",
                )
        return self.stream.read(size)

    def seek(self, at: int, whence: int = 0) -> int:
        """Go to a place."""
        return self.stream.seek(at, whence)

    def tell(self) -> int:
        """Return the place."""
        return self.stream.tell()


@contextmanager
def _unpacked(archive: Path) -> Iterator[IO[bytes]]:
    """Open a file as it is, or packed by gzip, bzip2 or xz as its first bytes say."""
    with archive.open("rb") as file:
        first = file.read(6)
        file.seek(0)
        stream: Any = file
        if first.startswith(b"\x1f\x8b"):
            stream = gzip.GzipFile(fileobj=file)
        elif first.startswith(b"BZh"):
            stream = bz2.BZ2File(file)
        elif first == b"\xfd7zXZ\0":
            stream = io.BufferedReader(_Xz(file), _CHUNK_BYTES)
        yield stream


class _Xz(io.RawIOBase):
    """What an xz file unpacks to; the library's own reader would give the file as much memory as it asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start()

    def _start(self) -> None:
        self._file.seek(0)
        self._at = 0
        self._unpacker = lzma.LZMADecompressor(memlimit=_XZ_BYTES)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes: backwards by starting again."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or a part of it; 0 at the end."""
        size = len(buffer)
        while True:
            if self._unpacker.eof:
                packed = self._unpacker.unused_data or self._file.read(_CHUNK_BYTES)
                # Padding may follow, and further streams.
                if not packed.strip(b"\0"):
                    return 0
                self._unpacker = lzma.LZMADecompressor(memlimit=_XZ_BYTES)
            else:
                packed = self._file.read(_CHUNK_BYTES) if self._unpacker.needs_input else b""
                if self._unpacker.needs_input and not packed:
                    raise EOFError("it ends before its end")
            if found := self._unpacker.decompress(packed, size):
                buffer[: len(found)] = found
                self._at += len(found)
                return len(found)

    def seek(self, at: int, whence: int = 0) -> int:
        """Go to a place counted from the start or from here."""
        target = at + (self._at if whence == 1 else 0)
        if target < self._at:
            self._start()
        while self._at < target and self.readinto(bytearray(min(_CHUNK_BYTES, target - self._at))):
            pass
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at
