"""Whether an artifact's files are those that were published; the bytes of a file are compared once in a process."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from brainflix.store.disk import hash_file
from brainflix.store.manifest import MANIFEST_NAME, FileEntry

_THREADS = 2
# Systems leave these in folders that somebody looks into or deletes from; nothing of brainflix reads them.
_LITTER, _LITTER_STARTS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"}), (".nfs", "._")
# A file that changed so lately may change again within one tick of its file system's clock, with no sign of it.
_SETTLED_NS = 2_000_000_000
_Identity = tuple[str, int, int, int, int, int]
_known: dict[_Identity, str] = {}


def size_problem(folder: Path, entry: FileEntry) -> str:
    """Return what is wrong with one file as seen without reading it, or an empty string."""
    try:
        found = os.lstat(f"{folder}/{entry.path}")
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    if stat.S_ISLNK(found.st_mode):
        return "is a link"
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    return "" if found.st_size == entry.size else f"has {found.st_size} bytes instead of {entry.size}"


def linked_folder(folder: Path, entries: Iterable[FileEntry]) -> str:
    """Return a folder inside an artifact that is a link, so that its files lie elsewhere; an empty string if none."""
    direct = {entry.path.rpartition("/")[0] for entry in entries} - {""}
    inside = direct | {str(parent) for each in direct for parent in PurePosixPath(each).parents} - {"."}
    return next((each for each in sorted(inside) if os.path.islink(f"{folder}/{each}")), "")


def strangers(folder: Path, entries: Iterable[FileEntry]) -> list[str]:
    """Return the paths of what lies in an artifact's folder and not in its manifest, sorted; folders only if links."""
    known = {entry.path for entry in entries} | {MANIFEST_NAME}
    found: set[str] = set()
    for place, folders, files in os.walk(folder):
        inside = os.path.relpath(place, folder).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        links = [name for name in folders if os.path.islink(f"{place}/{name}")]
        found |= {f"{prefix}{name}" for name in (*links, *files) if not _is_litter(name)}
    return sorted(found - known)


def changed_file(folder: Path, entries: Sequence[FileEntry]) -> FileEntry | None:
    """Return the first file whose bytes are not those of its SHA-256; None if all are whole.

    Raises:
        OSError: a file cannot be read.
    """
    if len(entries) == 1:
        return None if _digest(f"{folder}/{entries[0].path}") == entries[0].sha256 else entries[0]
    # Hashing and reading leave Python's lock alone.
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = pool.map(lambda entry: _digest(f"{folder}/{entry.path}"), entries)
        for entry, digest in zip(entries, digests, strict=True):
            if digest != entry.sha256:
                pool.shutdown(wait=False, cancel_futures=True)
                return entry
    return None


def _digest(path: str) -> str:
    """Return the SHA-256 of a file, from memory if the file is the very one that was hashed before."""
    now_ns, identity = time.time_ns(), _identity(path)
    found = _known.get(identity)
    if found is None:
        _, found = hash_file(Path(path))
        # The time of the last change of its inode cannot be set by hand, as that of its bytes can.
        if identity[-1] < now_ns - _SETTLED_NS and _identity(path) == identity:
            _known[identity] = found
    return found


def _identity(path: str) -> _Identity:
    is_now = os.stat(path)
    return path, is_now.st_dev, is_now.st_ino, is_now.st_size, is_now.st_mtime_ns, is_now.st_ctime_ns


def _is_litter(name: str) -> bool:
    return name in _LITTER or name.startswith(_LITTER_STARTS)
