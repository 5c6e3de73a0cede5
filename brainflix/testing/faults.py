"""Fault injection: kill the process, or let a system call fail, at the k-th call that changes the disk.

Counted are the calls that change something: mkdir, open for writing, write, fsync, rename, replace, link, unlink and
rmdir. Code under test must reach them through `os`, `open` or `pathlib`, as the store and zarr do. What writes below
Python (safetensors, FFmpeg, HDF5, numpy's own writer) is reached from C alone: brainflix's tests have a library for it.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

CALLS = ("mkdir", "open", "write", "fsync", "rename", "replace", "link", "unlink", "rmdir")
_FROM_OS = ("mkdir", "fsync", "rename", "replace", "link", "unlink", "rmdir")
_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Fault = Callable[[str], None]
"""What happens instead of a call; it is given the call's name, and if it returns, the call goes on."""


def kill(call: str) -> None:
    """End this process at once, as `kill -9` does: no cleanup, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> Fault:
    """Return the fault that raises OSError with this errno, such as `errno.ENOSPC`."""

    def fault(call: str) -> None:
        raise OSError(number, os.strerror(number))

    return fault


def interrupt(call: str) -> None:
    """Act as if the user pressed Ctrl-C, which only ever reaches the main thread; elsewhere nothing happens."""
    if threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


@dataclass
class Record:
    """The calls that were counted, in order: their names in `calls`; `struck` is true once the fault happened."""

    calls: list[str] = field(default_factory=list)
    struck: bool = False


@contextmanager
def inject(
    fault: Fault | None = None, *, at: int = 0, calls: tuple[str, ...] = CALLS, sticky: bool = False
) -> Iterator[Record]:
    """Let `fault` happen just before the `at`-th counted call (from 1) while the body runs, in any thread.

    Args:
        fault: what happens; None only counts.
        at: number of the call; 0 never.
        calls: names of the calls that count, of `CALLS`.
        sticky: let it happen at every later counted call too, as on a disk that stays full.
    """
    record, lock = Record(), threading.Lock()

    def count(call: str) -> None:
        if call not in calls:
            return
        with lock:
            record.calls.append(call)
            place = len(record.calls)
            strike = fault is not None and at > 0 and (place == at or (sticky and place > at))
            record.struck = record.struck or strike
        if strike and fault is not None:
            fault(call)

    opener = _counted_open(io.open, count)
    patches: list[Any] = [mock.patch.object(os, name, _counted(getattr(os, name), name, count)) for name in _FROM_OS]
    patches += [mock.patch.object(os, "open", _counted_os_open(os.open, count))]
    patches += [mock.patch.object(os, "write", _counted(os.write, "write", count))]
    patches += [mock.patch.object(module, "open", opener) for module in (builtins, io)]
    for patch in patches:
        patch.start()
    try:
        yield record
    finally:
        for patch in patches:
            patch.stop()


class _CountedFile:
    """A file opened for writing that counts each write; everything else is the file's own."""

    def __init__(self, file: Any, count: Callable[[str], None]) -> None:
        self._file, self._count = file, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _CountedFile:
        self._file.__enter__()
        return self

    def __exit__(self, *details: Any) -> Any:
        return self._file.__exit__(*details)

    def __iter__(self) -> Any:
        return iter(self._file)

    def write(self, data: Any) -> Any:
        """Count, then write half and the other half, so that a kill can strike inside a file."""
        self._count("write")
        if not isinstance(data, (bytes, bytearray, memoryview)) or len(memoryview(data).cast("B")) < 2:
            return self._file.write(data)
        flat = memoryview(data).cast("B")
        half = len(flat) // 2
        first = self._file.write(flat[:half])
        self._file.flush()
        self._count("write")
        return first + self._file.write(flat[half:])


def _counted(call: Callable[..., Any], name: str, count: Callable[[str], None]) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        count(name)
        return call(*args, **options)

    return counted


def _counted_os_open(call: Callable[..., int], count: Callable[[str], None]) -> Callable[..., int]:
    def counted(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & _WRITING_FLAGS:
            count("open")
        return call(path, flags, *args, **options)

    return counted


def _counted_open(call: Callable[..., Any], count: Callable[[str], None]) -> Callable[..., Any]:
    def counted(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if not set(mode) & set("wxa+"):
            return call(file, mode, *args, **options)
        count("open")
        return _CountedFile(call(file, mode, *args, **options), count)

    return counted
