"""One file from its address to its final name: resumed where it broke off, checked as it grows, renamed when whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.fetch.addresses import shown
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.http import CHUNK_BYTES, Answer, Changed, Interrupted, ask, begins_as_page, page_instead
from brainflix.io.fetch.journal import Whole, drop_part, part_of, read_version, write_version
from brainflix.io.fetch.patience import Patience
from brainflix.store import disk

# What a server asks for is waited for, but never longer.
_LONGEST_WAIT_S = 60.0


class Cancelled(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True)
class Line:
    """What all files of one download share.

    Attributes:
        retries: how often a transfer may break off without a byte of progress, or start from the beginning, before it
            is given up.
        wait_s: wait after the first break in seconds; it doubles with each one after it.
        timeout_s: how long a server may be silent.
        patience_s: how long a file may come slower than 1 KiB a second.
        headers: of a request to this address.
        page: where a person gets the files that a server does not give; empty if nobody said.
        advance: told how many more bytes are here (negative where a part was thrown away).
        stop: set when everything shall stop.
    """

    retries: int = 5
    wait_s: float = 1.0
    timeout_s: float = 30.0
    patience_s: float = 300.0
    headers: Callable[[str], Mapping[str, str]] = lambda url: {}
    page: str = ""
    advance: Callable[[int], None] = lambda count: None
    stop: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> None:
        """Wait, unless asked to stop."""
        if self.stop.wait(min(seconds, _LONGEST_WAIT_S)):
            raise Cancelled


def fetch_one(file: RemoteFile, folder: Path, whole: Whole, line: Line) -> None:
    """Fetch one file into its place below `folder`.

    Raises:
        MissingError: the server refuses or cannot be reached.
        IntegrityError: the bytes are not the published ones, also when fetched a second time.
        ResourceError: the disk is full.
        Cancelled: asked to stop.
    """
    final = folder / file.path
    part = part_of(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(part, line) as handle:
            # Another process may have finished it while this one waited.
            if final.is_file() and whole.is_whole(file):
                drop_part(part)
                return
            found = _grow_from_any(file, part, handle, line)
            handle.flush()
            os.fsync(handle.fileno())
            os.replace(part, final)
            disk.sync_folder(final.parent)
            drop_part(part)
            whole.add(file.path, file.digest or found)
    except OSError as error:
        raise disk.resource_error(error, final, "write") from error


@contextmanager
def _only_one(part: Path, line: Line) -> Iterator[BinaryIO]:
    """Open a part to which no other process writes; wait while one does."""
    while True:
        with part.open("ab+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                line.wait(0.2)
                continue
            except OSError:
                # A file system without locks: the digest at the end still tells a mixed part.
                yield handle
                return
            # Whoever held the lock may have renamed this very file to its final name.
            same = False
            with suppress(FileNotFoundError):
                same = os.path.samestat(os.fstat(handle.fileno()), os.stat(part))
            if same:
                yield handle
                return


def _grow_from_any(file: RemoteFile, part: Path, handle: BinaryIO, line: Line) -> str:
    """Bring a part to its end from the first of the file's addresses that has it; return its digest.

    Raises:
        as `fetch_one`, of the only address; of several, an error that names them all.
    """
    errors: list[MissingError | IntegrityError] = []
    for url in (file.url, *file.others):
        try:
            return _grow(replace(file, url=url, others=()), part, handle, line)
        except (MissingError, IntegrityError) as error:
            errors.append(error)
    # Not before: the next address writes to the same open file.
    if not handle.seek(0, os.SEEK_END):
        drop_part(part)
    if len(errors) == 1:
        raise errors[0]
    # Other bytes at one address are worse than none at all.
    worst = max(errors, key=lambda error: error.exit_code)
    whole = f"no address has {file.path}: {', '.join(shown(url) for url in (file.url, *file.others))}"
    why = "; ".join(f"{error.what} ({error.why})" if error.why else error.what for error in errors)
    raise type(worst)(whole, why=why, next=worst.next) from worst


def _grow(file: RemoteFile, part: Path, handle: BinaryIO, line: Line) -> str:
    """Bring a part to its end and return its digest.

    Raises:
        as `fetch_one`.
    """
    patience, second = Patience(file.url, part, line.retries, line.patience_s), False
    while True:
        size_before = handle.seek(0, os.SEEK_END)
        try:
            found = _attempt(file, part, handle, line, patience)
        except Changed as error:
            # What is here is kept until it is known that there will be another try.
            patience.restarted(str(error))
            _throw_away(handle, line)
        except Interrupted as error:
            patience.broke(str(error), progressed=handle.seek(0, os.SEEK_END) > size_before)
            if error.wait_s is not None:
                patience.excuse(error.wait_s)
            line.wait(error.wait_s if error.wait_s is not None else line.wait_s * 2 ** (patience.breaks - 1))
        else:
            if not file.digest and _holds_page(handle) and not _is_meant_as_page(file):
                _throw_away(handle, line)
                raise page_instead(file.url, line.page)
            if not file.digest or found == file.digest:
                return found
            _throw_away(handle, line)
            if second:
                raise IntegrityError(
                    f"{shown(file.url)} is not the file that was published",
                    why=f"its digest is {found} instead of {file.digest}",
                    next="tell the data set's authors, or take another revision",
                )
            second = True


def _attempt(file: RemoteFile, part: Path, handle: BinaryIO, line: Line, patience: Patience) -> str:
    """Ask for what is missing and append it; return the whole part's digest.

    Raises:
        Interrupted, Changed: it did not work this time.
        MissingError: the server refuses, or it came too slowly or started from the beginning too often.
        IntegrityError: the server's file has another size than the published one.
    """
    have = handle.seek(0, os.SEEK_END)
    known, total = read_version(part, file.url)
    # Without a version to hold the server to, only a digest can tell whether two halves belong together.
    if have and not known and not file.digest:
        patience.restarted("the server gives neither a version nor a digest to go on by")
        _throw_away(handle, line)
        have = 0
    hasher = _hash_so_far(handle, file, line)
    if file.size is not None and have == file.size:
        return f"{hasher.name}:{hasher.hexdigest()}"
    if file.size is not None and have > file.size:
        raise Changed("the part is longer than the file")
    with ask(file.url, have, known, line.headers(file.url), line.timeout_s, line.page) as got:
        if got.is_page and not _is_meant_as_page(file):
            raise page_instead(file.url, line.page)
        if got.start and known and got.validator and got.validator != known:
            raise Changed("the rest is of another version, although that was not asked for")
        if got.start and total is not None and got.total is not None and got.total != total:
            raise Changed(f"it has {got.total} bytes, and had {total}")
        if got.start == 0 and have:
            patience.restarted("the server sends no rest of a file")
            _throw_away(handle, line)
            hasher = hashlib.new(hasher.name)
        _check_size(file, got)
        write_version(part, file.url, got.validator, got.total)
        for chunk in got.chunks():
            if line.stop.is_set():
                raise Cancelled
            handle.write(chunk)
            handle.flush()
            hasher.update(chunk)
            line.advance(len(chunk))
            patience.came(len(chunk))
        size = handle.seek(0, os.SEEK_END)
    expected = next((size for size in (file.size, got.total, got.end) if size is not None), None)
    if expected is not None and size < expected:
        raise Interrupted(f"it broke off after {size} of {expected} bytes")
    if expected is not None and size > expected:
        raise Changed("more bytes came than were promised")
    return f"{hasher.name}:{hasher.hexdigest()}"


def _holds_page(handle: BinaryIO) -> bool:
    """Say whether what has come begins as a web page: the first bytes may have come one by one."""
    handle.seek(0)
    return begins_as_page(handle.read(512))


def _is_meant_as_page(file: RemoteFile) -> bool:
    return file.path.lower().endswith((".html", ".htm"))


def _check_size(file: RemoteFile, got: Answer) -> None:
    if file.size is not None and got.total is not None and got.total != file.size:
        raise IntegrityError(
            f"{shown(file.url)} has {got.total} bytes instead of {file.size}",
            why="it is not the file that was published",
            next="tell the data set's authors, or take another revision",
        )


def _hash_so_far(handle: BinaryIO, file: RemoteFile, line: Line) -> hashlib._Hash:
    hasher = hashlib.new(file.digest.partition(":")[0] or "sha256")
    handle.seek(0)
    while chunk := handle.read(CHUNK_BYTES):
        if line.stop.is_set():
            raise Cancelled
        hasher.update(chunk)
    return hasher


def _throw_away(handle: BinaryIO, line: Line) -> None:
    line.advance(-handle.seek(0, os.SEEK_END))
    handle.truncate(0)
