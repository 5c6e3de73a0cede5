"""Archives from elsewhere, unpacked only if every member stays inside its folder and is what it says it is."""

from __future__ import annotations

import lzma
import os
import shutil
import struct
import tarfile
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.io.limits import SETTING
from brainflix.io.tar_stream import iterate_tar
from brainflix.settings import load_settings
from brainflix.store import disk

_CHUNK_BYTES = 1 << 20
# Compressed text reaches 20:1; what unpacks to hundreds of times its size only fills the disk.
_RATIO = 200
# An empty file takes some bytes of an archive and many times as much memory.
_MAX_MEMBERS, _FEW_MEMBERS, _MEMBER_BYTES = 1_000_000, 20_000, 64
_TRIED_MEMBERS = 8
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, RuntimeError, ValueError, OverflowError, struct.error),
)


@dataclass(frozen=True)
class _Member:
    """A file of an archive: where it goes, its declared size, and what opens it."""

    path: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def _every(path: str) -> bool:
    return True


def unpack(
    archive: Path,
    folder: Path,
    *,
    max_bytes: int,
    wants: Callable[[str], bool] = _every,
    password: str = "",
) -> list[Path]:
    """Unpack a zip or tar archive (plain, gzip, bzip2 or xz) into a folder that does not exist yet.

    It appears whole or not at all: members are written into a folder beside it, which is renamed at the end.

    Args:
        archive: the file.
        folder: the folder to make.
        max_bytes: what it may unpack to, and at most 200 times the archive's own size, or as many times more as the
            setting `unpack_ratio` says.
        wants: which members are unpacked, by their paths; all are looked at.
        password: what opens the members of a zip archive that are encrypted in the old way.

    Returns:
        the files, relative to `folder`, in the archive's order.

    Raises:
        MissingError: no such archive.
        UsageError: the password is wrong; nothing was written.
        IntegrityError: it is damaged, or a member leaves the folder, is a link or a device, comes twice, is encrypted
            without a password, or unpacks to more than it may; nothing is left behind.
        ResourceError: the disk is full.
    """
    if not archive.is_file():
        raise MissingError(f"no file at {archive}")
    if folder.exists():
        raise IntegrityError(f"{folder} is there already", next="name another folder, or delete it")
    room = min(max_bytes, max(_RATIO, load_settings().unpack_ratio) * max(archive.stat().st_size, 1))
    staging = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        with _members(archive, wants, password) as members:
            written = _write(archive, members, staging, room)
        os.rename(staging, folder)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in disk.DISK_IS_FULL:
            raise disk.resource_error(error, folder, "unpack to") from error
        raise IntegrityError(f"{archive.name} cannot be unpacked", why=str(error) or type(error).__name__) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return written


def _write(archive: Path, members: Iterable[_Member], staging: Path, room: int) -> list[Path]:
    """Write the members below `staging`, counting what really comes out of them."""
    staging.mkdir(parents=True)
    written: list[Path] = []
    seen: dict[str, str] = {}
    n_most = min(_MAX_MEMBERS, max(_FEW_MEMBERS, archive.stat().st_size // _MEMBER_BYTES))
    for member in members:
        path = _inside(archive, member.path)
        _check_new(archive, path, seen)
        if len(written) > n_most or member.size > room:
            raise _bomb(archive)
        # Made on a Mac, a letter with an accent is two signs, and no name would be found that is written with one.
        path = PurePosixPath(unicodedata.normalize("NFC", str(path)))
        place = staging / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, place.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                room -= len(chunk)
                if room < 0:
                    raise _bomb(archive)
                target.write(chunk)
        if place.stat().st_size != member.size:
            raise IntegrityError(f"{archive.name} is damaged", why=f"{member.path!r} has another size than it says")
        written.append(Path(path))
    return written


def _check_new(archive: Path, path: PurePosixPath, seen: dict[str, str]) -> None:
    """Refuse a file that comes twice, also where a disk takes two spellings of it or of its folders for one."""
    for part in (*reversed(path.parents), path):
        key = unicodedata.normalize("NFC", str(part)).casefold()
        is_file = part == path
        if seen.setdefault(key, str(part)) != str(part) or (is_file and f"{key}\0" in seen):
            raise IntegrityError(f"{archive.name} holds {str(path)!r} twice, or under two spellings")
        if is_file:
            seen[f"{key}\0"] = ""


def _inside(archive: Path, name: str) -> PurePosixPath:
    """Return a member's path if it stays inside the folder."""
    path = PurePosixPath(name)
    foreign = any(sign in name for sign in ("\\", "\0", ":"))
    if not path.parts or path.is_absolute() or ".." in path.parts or foreign:
        raise IntegrityError(f"{archive.name} holds {name!r}, which would leave its folder")
    return path


def _bomb(archive: Path) -> IntegrityError:
    return IntegrityError(
        f"{archive.name} unpacks to far more than its size",
        why="it only fills the disk",
        next=f"fetch the file again; if it is meant to hold so much, set {SETTING}=1000",
    )


@contextmanager
def _members(archive: Path, wants: Callable[[str], bool], password: str) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            if password:
                _check_password(archive, opened, wants, password)
            yield _zip_members(archive, opened, wants, encrypted=bool(password))
    else:
        yield (member for member in _tar_members(archive) if wants(member.path))


def _check_password(archive: Path, opened: zipfile.ZipFile, wants: Callable[[str], bool], password: str) -> None:
    """Try a password on some members, each of which lets one wrong password in 256 pass; then it opens them all.

    Raises:
        UsageError: it does not fit.
    """
    opened.setpassword(password.encode())
    locked = [info for info in opened.infolist() if info.flag_bits & 1 and not info.is_dir() and wants(info.filename)]
    for info in locked[:_TRIED_MEMBERS]:
        try:
            opened.open(info).close()
        except RuntimeError:
            # What zipfile says is no cause to keep: this says all of it.
            raise UsageError(
                f"the password does not open {archive.name}",
                why="nothing was unpacked",
                next="the same command with the right password; the archive is kept",
            ) from None


def _zip_members(
    archive: Path, opened: zipfile.ZipFile, wants: Callable[[str], bool], *, encrypted: bool
) -> Iterator[_Member]:
    for info in opened.infolist():
        _inside(archive, info.filename)
        kind = info.external_attr >> 28
        # Made on Unix, the upper bits are the file's mode: 4 is a folder, 8 a plain file, 0 nothing said.
        if kind not in (0, 4, 8):
            raise IntegrityError(f"{archive.name} holds {info.filename!r}, which is a link or a device")
        if not wants(info.filename):
            continue
        if info.compress_type not in _ZIP_METHODS:
            advice = "unpack it yourself, and give the folder"
            raise IntegrityError(f"{archive.name} is packed by method {info.compress_type}, not read here", next=advice)
        if info.flag_bits & 1 and not encrypted:
            raise IntegrityError(f"{archive.name} is encrypted", next="unpack it yourself, and give the folder")
        if not info.is_dir():
            yield _Member(info.filename, info.file_size, partial(opened.open, info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    for info, source in iterate_tar(archive):
        if info.isdir():
            # `tar -cf x.tar .` begins with the folder itself.
            if PurePosixPath(info.name).parts:
                _inside(archive, info.name)
        elif source is None:
            raise IntegrityError(f"{archive.name} holds {info.name!r}, which is a link or a device")
        else:
            yield _Member(info.name, info.size, partial[AbstractContextManager[IO[bytes]]](nullcontext, source))
