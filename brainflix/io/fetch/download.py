"""Many files side by side: what is whole stays, what is missing is fetched, and nothing half-done gets a final name."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from brainflix.errors import BrainflixError, MissingError, ResourceError
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.hub import headers_for
from brainflix.io.fetch.journal import Whole, part_of
from brainflix.io.fetch.one import Cancelled, Line, fetch_one
from brainflix.io.fetch.room import check_room
from brainflix.progress import Progress


def fetch_files(
    files: Sequence[RemoteFile],
    folder: Path,
    *,
    progress: Progress,
    workers: int = 8,
    offline: bool = False,
    verify: bool = False,
    line: Line | None = None,
) -> None:
    """Bring every file to its place below `folder`; it has its final name if and only if it is whole and right.

    Args:
        files: what to fetch; all have an address.
        folder: where they go.
        progress: told the bytes.
        workers: files at a time.
        offline: open no connection; only what is there already counts.
        verify: hash files again that were found whole before.
        line: patience and headers.

    Raises:
        MissingError: a server refuses or cannot be reached; says how many files are missing. What came stays.
        IntegrityError: bytes are not the published ones.
        ResourceError: the disk is too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = Whole(folder)
    missing = [file for file in files if not whole.is_whole(file, verify=verify)]
    if not missing:
        return
    if offline:
        raise MissingError(
            f"{len(missing)} files are not here, the first is {missing[0].path}",
            why="brainflix is offline",
            next="the same command with --online",
        )
    here = {file.path: _part_size(folder, file) for file in missing}
    # Files of unknown size count nothing.
    check_room(sum(max(0, (file.size or 0) - here[file.path]) for file in missing), folder, "fetched")
    sizes = [file.size for file in missing]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with progress.transfer(total, "fetched") as advance:
        advance(sum(here.values()))
        shared = replace(line or Line(headers=headers_for), advance=advance, stop=threading.Event())
        errors = _run(missing, folder, whole, shared, workers)
    _raise_first(errors, missing)


def line_of(retries: int, silence_s: float, patience_s: float, page: str) -> Line:
    """Return the patience of the settings, with the headers that the Hub asks for and the page of the files."""
    return Line(retries=retries, timeout_s=silence_s, patience_s=patience_s, headers=headers_for, page=page)


def _run(
    files: Sequence[RemoteFile], folder: Path, whole: Whole, line: Line, workers: int
) -> dict[str, BrainflixError]:
    """Fetch files in threads and return what went wrong, by path."""
    todo: queue.SimpleQueue[RemoteFile] = queue.SimpleQueue()
    for file in files:
        todo.put(file)
    errors: dict[str, BrainflixError] = {}
    unexpected: list[BaseException] = []

    def work() -> None:
        while not line.stop.is_set():
            try:
                file = todo.get_nowait()
            except queue.Empty:
                return
            try:
                fetch_one(file, folder, whole, line)
            except Cancelled:
                return
            except ResourceError as error:
                errors[file.path] = error
                line.stop.set()
            except BrainflixError as error:
                errors[file.path] = error
            except BaseException as error:
                unexpected.append(error)
                line.stop.set()

    # Daemons: a thread that waits for a silent server must not keep an interrupted program alive.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(files)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        line.stop.set()
    if unexpected:
        raise unexpected[0]
    return errors


def _part_size(folder: Path, file: RemoteFile) -> int:
    try:
        return part_of(folder / file.path).stat().st_size
    except OSError:
        return 0


def _raise_first(errors: Mapping[str, BrainflixError], files: Sequence[RemoteFile]) -> None:
    """Raise the worst of the errors, with how many files it leaves missing."""
    if not errors:
        return
    # What no further attempt can mend comes first.
    ranked = sorted(errors.items(), key=lambda item: (-item[1].exit_code, item[0]))
    path, error = ranked[0]
    count = f"{len(errors)} of {len(files)} files could not be fetched, the first is {path}: {error.what}"
    raise type(error)(count, why=error.why, next=error.next or "the same command again, what came is kept") from error
