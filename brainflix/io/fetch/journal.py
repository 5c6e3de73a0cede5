"""What is remembered beside downloads: which version a part belongs to, and which whole files were hashed already."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from brainflix.io.fetch.addresses import shown
from brainflix.io.fetch.digest import digest_of
from brainflix.io.fetch.files import RemoteFile

WHOLE = ".fetched.jsonl"


def part_of(final: Path) -> Path:
    """Return where a file grows until it is whole."""
    return final.with_name(final.name + ".part")


def read_version(part: Path, url: str) -> tuple[tuple[str, str] | None, int | None]:
    """Return the header that asks for a part's version, and the size of its whole file; None where unknown."""
    try:
        said = json.loads(_version_file(part).read_text(encoding="utf-8"))
        if said["url"] != shown(url):
            return None, None
        header = (str(said["header"]), str(said["value"])) if said["header"] else None
        return header, None if said.get("total") is None else int(said["total"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def write_version(part: Path, url: str, validator: tuple[str, str] | None, total: int | None) -> None:
    """Remember which version a part belongs to, and how large the whole file is."""
    header, value = validator or ("", "")
    text = json.dumps({"url": shown(url), "header": header, "value": value, "total": total})
    fresh = _version_file(part).with_suffix(f".{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, _version_file(part))


def drop_part(part: Path) -> None:
    """Delete a part and what is remembered of it."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


class Whole:
    """Files of a folder that were found whole, so that twenty gigabytes are not hashed again for each look.

    A file counts as the same while its size and its time of change are the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = _read_lines(folder / WHOLE)

    def is_whole(self, file: RemoteFile, *, verify: bool = False) -> bool:
        """Say whether a file is in place with its published size and digest; `verify` hashes it in any case."""
        final = self._folder / file.path
        if not final.is_file() or (file.size is not None and final.stat().st_size != file.size):
            return False
        if not file.digest:
            return True
        if not verify and self._known.get(file.path) == [*self._stamp(file.path), file.digest]:
            return True
        if digest_of(final, file.digest.partition(":")[0]) != file.digest:
            return False
        self.add(file.path, file.digest)
        return True

    def add(self, path: str, digest: str) -> None:
        """Remember that this file has this digest."""
        self._known[path] = [*self._stamp(path), digest]
        # One line at a time, appended: a crash tears at most the last one, which is then not believed. A full disk only
        # means that the file is hashed again.
        with suppress(OSError), (self._folder / WHOLE).open("a", encoding="utf-8") as file:
            file.write(json.dumps([path, *self._known[path]]) + "\n")

    def _stamp(self, path: str) -> tuple[int, int]:
        try:
            state = (self._folder / path).stat()
        except OSError:
            return -1, -1
        return state.st_size, state.st_mtime_ns


def _read_lines(path: Path) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        try:
            name, *rest = json.loads(line)
        except (ValueError, TypeError):
            continue
        found[name] = rest
    return found
