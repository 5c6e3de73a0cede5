"""Disk work of the store: durable writes, hashing, and operating-system errors turned into sentences."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from brainflix.errors import DataError, ResourceError
from brainflix.store.manifest import FileEntry

_READ_BYTES = 1 << 20
_HASH_THREADS, _SYNC_THREADS = 2, 4
# How a folder is looked for that a late writer may make anew: so far apart, so often in vain, and no longer than this.
_LOOK_S, _QUIET_LOOKS, _LATEST_WRITER_S = 0.02, 5, 10.0
_NO_DIRECTORY_SYNC = {errno.EINVAL, errno.ENOTSUP}
_REASONS = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the device reports an input/output error",
    errno.EXDEV: "the store's folders lie on different file systems",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.EFBIG: "the file is larger than the file system or a limit of this process allows",
    errno.ESTALE: "the network file system has lost the file",
}
DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}
REFUSALS = frozenset(_REASONS)


def resource_error(error: OSError, path: Path, doing: str) -> ResourceError:
    """Return the error that tells a user what the disk refused, with the path and the free space."""
    why = reason_of(error)
    free = free_bytes(path)
    room = f"; {free / 1e9:.2f} GB free there" if free is not None else ""
    advice = "free space (brainflix store gc), then run the same command again"
    if error.errno not in DISK_IS_FULL:
        advice = "check the disk and its permissions, or choose another store with --store"
    return ResourceError(f"could not {doing} {path}", why=why + room, next=advice)


def reason_of(error: OSError) -> str:
    """Return why the operating system refused, in our words where we have some."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def free_bytes(path: Path) -> int | None:
    """Return the bytes that are free where `path` is, or will be; None where it cannot be known."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return None


def list_files(folder: Path) -> list[Path]:
    """Return every regular file below `folder`, sorted by its path inside.

    Raises:
        DataError: there is a link or a special file, which an immutable artifact cannot hold.
    """
    found = []
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise DataError(f"{path} is a link or a special file", why="an artifact holds plain files only")
            if stat.S_ISREG(mode):
                found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def hash_file(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def file_entries(folder: Path, *, sync: bool = False) -> tuple[FileEntry, ...]:
    """Return the entry of each file below `folder`; with `sync`, also force each file to the disk."""
    files = list_files(folder)
    # Threads, because neither hashing nor waiting for the disk holds the interpreter; the disk is busy meanwhile.
    with ThreadPoolExecutor(_SYNC_THREADS) as syncing, ThreadPoolExecutor(_HASH_THREADS) as hashing:
        synced = syncing.map(_sync, files if sync else [])
        hashed = hashing.map(hash_file, files)
        entries = tuple(
            FileEntry(path.relative_to(folder).as_posix(), *found) for path, found in zip(files, hashed, strict=True)
        )
        list(synced)  # raises what a disk refused
    return entries


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Force the entries of one folder (names, not contents) to the disk, where the file system can do that."""
    if os.name == "nt":
        return
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise


def sync_tree(folder: Path) -> None:
    """Force every folder below `folder`, deepest first, and `folder` itself to the disk."""
    for place, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(place))


def write_file(path: Path, data: bytes, *, sync: bool) -> None:
    """Write a new file; with `sync`, force it to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def make_folders(folder: Path, *, sync: bool) -> None:
    """Make `folder` and the parents that it needs; with `sync`, force each new name to the disk."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(each)
        if sync:
            sync_folder(each.parent)


def remove_tree(folder: Path) -> None:
    """Delete a folder as far as the file system allows; what is left over is found again by `store gc`."""
    for pause_s in (0.0, 0.05, 0.2):
        time.sleep(pause_s)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def remove_written_tree(folder: Path) -> None:
    """Delete a folder that threads of this process may still write below, and make anew, after one of them failed.

    It leaves its place by a rename, so that none of them finds it, and is looked for until it has stayed away.
    """
    looks_left, stop_s = _QUIET_LOOKS if threading.active_count() > 1 else 0, time.monotonic() + _LATEST_WRITER_S
    while True:
        aside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}.gone")
        try:
            os.rename(folder, aside)
            looks_left = _QUIET_LOOKS
        except FileNotFoundError:
            looks_left -= 1
        except OSError:
            # A file system that renames nothing now: what can be deleted is.
            return remove_tree(folder)
        remove_tree(aside)
        if looks_left <= 0 or time.monotonic() > stop_s:
            return None
        time.sleep(_LOOK_S)


def tree_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; 0 where there is nothing."""
    total = 0
    for each in (path, *everything_below(path)):
        with contextlib.suppress(OSError):
            total += each.lstat().st_size if each.is_file() else 0
    return total


def everything_below(folder: Path) -> Iterator[Path]:
    """Yield files and folders below `folder`; what is deleted meanwhile is left out, where `Path.rglob` would fail."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def entries_of(folder: Path) -> Iterator[Path]:
    """Yield what lies directly in `folder`, sorted by name; nothing when it does not exist."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield folder / name
