"""git-annex keys without git-annex: what a key says of its file, and where a public remote keeps it.

A clone without content holds links to nothing or small text files in the place of data; so does one of git-lfs.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from brainflix.errors import DataError, MissingError
from brainflix.io.fetch.files import RemoteFile

_KEY = re.compile(r"(MD5|SHA256)E?-s(\d+)--([0-9a-f]+)(\.[A-Za-z0-9.]*)?")
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = b"/annex/objects/"
_MIXED = "0123456789zqjxkmvwgpfZQJXKMVWGPF"
_LENGTH = {"MD5": 32, "SHA256": 64}


def annex_file(path: str, key: str, remote_url: str, *, chunk_bytes: int = 0, store_url: str = "") -> RemoteFile:
    """Return the file of a key as public remotes serve it: by its chunk's name, by its plain name, from a store.

    A remote with chunks keeps also a file of one chunk under the chunk's name (git-annex, "internals: key format").

    Args:
        path: where the file lies in the data set.
        key: such as MD5E-s123--0123456789abcdef0123456789abcdef.h5.
        remote_url: address of the remote's keys, which lie side by side as in an S3 remote.
        chunk_bytes: size of the remote's chunks; 0 where it has none.
        store_url: `annex/objects` of a store that sorts keys into folders, such as a RIA store; empty for none.

    Raises:
        DataError: not a key with size and digest, such as one of a chunk or of a web address; or a file of several
            chunks, which lie apart.
    """
    match = _KEY.fullmatch(key)
    if not match or len(match[3]) != _LENGTH[match[1]]:
        raise DataError(f"{key!r} is not an annex key with size and digest", why="MD5E-s…--… and SHA256E-s…--… are")
    size, remote = int(match[2]), remote_url.rstrip("/")
    if 0 < chunk_bytes < size:
        raise DataError(f"{path} lies in pieces of {chunk_bytes} bytes", why="only files of one piece are fetched")
    places = [f"{remote}/{key}"]
    if chunk_bytes:
        backend, _, name = key.partition("--")
        places.insert(0, f"{remote}/{backend}-S{chunk_bytes}-C1--{name}")
    if store_url:
        places += [
            f"{store_url.rstrip('/')}/{folders(key)}/{key}/{key}" for folders in (_mixed_folders, _lower_folders)
        ]
    return RemoteFile(path, places[0], size, f"{match[1].lower()}:{match[3]}", others=tuple(places[1:]))


def _mixed_folders(key: str) -> str:
    """Return annex's `hashdirmixed`: four groups of five bits, the sixth bit of each left out, of the key's MD5."""
    word = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:4], "little")
    letters = [_MIXED[(word >> (6 * place)) & 31] for place in range(4)]
    return f"{letters[1]}{letters[0]}/{letters[3]}{letters[2]}"


def _lower_folders(key: str) -> str:
    """Return annex's `hashdirlower`: the first two groups of three hex digits of the key's own MD5."""
    digest = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:3]}/{digest[3:6]}"


def key_of(link: Path) -> str | None:
    """Return the key that an annexed file of a clone stands for, by link or as a pointer; None for a plain file."""
    if link.is_symlink():
        target = os.readlink(link)
        return Path(target).name if "/annex/objects/" in target else None
    try:
        with link.open("rb") as file:
            start = file.read(512)
    except OSError:
        return None
    line = start.split(b"\n", 1)[0]
    return line.rsplit(b"/", 1)[-1].decode("ascii", "replace") if line.startswith(b"/annex/objects/") else None


def pointer_of(path: Path) -> str:
    """Return "git-annex" or "git-lfs" where a file stands for content that is not here; empty for any other."""
    if path.is_symlink() and not path.exists():
        return "git-annex" if key_of(path) else ""
    try:
        with path.open("rb") as file:
            start = file.read(len(_LFS))
    except OSError:
        return ""
    return "git-annex" if start.startswith(_ANNEX) else "git-lfs" if start == _LFS else ""


def fetch_command(path: str, pointer: str) -> str:
    """Return the command that brings the content of a pointer, to be run in its clone."""
    return f"git lfs pull --include {path}" if pointer == "git-lfs" else f"git annex get {path}, or datalad get {path}"


def require_content(path: Path) -> None:
    """Refuse a file that is not there, also where something stands for it.

    Raises:
        MissingError: no such file, or a pointer of git-annex or git-lfs.
    """
    if pointer := pointer_of(path):
        raise MissingError(
            f"{path.name} is a pointer of {pointer}, and its content is not here",
            next=f"{fetch_command(path.name, pointer)} in the clone that it comes from",
        )
    if not path.is_file():
        raise MissingError(f"no file at {path}")
