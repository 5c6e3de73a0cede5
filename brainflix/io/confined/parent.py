"""Start a confined process, take what it sends, and turn its death into a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from brainflix import errors
from brainflix.errors import BrainflixError, IntegrityError, MissingError, ResourceError
from brainflix.io.confined.plain import read_plain
from brainflix.io.confined.wire import received
from brainflix.io.confined.worker import SAID
from brainflix.io.fetch.annex import require_content
from brainflix.io.limits import SETTING, allowed_bytes
from brainflix.store.disk import DISK_IS_FULL
from brainflix.store.refusals import refusal

_PACKAGE_PARENT = Path(__file__).resolve().parents[3]
# Isolated, Python knows neither PYTHONPATH nor a person's own packages: where this process finds packages is told.
_RUN = (
    "import json, sys; told = json.loads(sys.argv.pop(1));"
    " sys.path[:] = told + [place for place in sys.path if place not in told];"
    " from brainflix.io.confined.worker import main; sys.exit(main())"
)
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HDF5_USE_FILE_LOCKING", "HDF5_PLUGIN_PATH", SETTING)
_NOT_INSTALLED = ("ImportError:", "ModuleNotFoundError:")
# An interpreter with numpy and h5py allocates 60 MB.
_BASE_BYTES = 512 << 20
# A value is held as bytes, as an array and, while it is written, in the file's buffers.
_TIMES_FILE = 4
# Numbers of a file are packed and unpacked: zlib gives more than so many bytes of them in a second.
_BASE_S, _BYTES_PER_S, _UNPACKED_BYTES_PER_S = 20, 2 << 20, 50 << 20


def iterate_confined(
    reader: str,
    paths: Sequence[Path],
    options: Mapping[str, Any],
    what: str,
    *,
    seconds: int | None = None,
    times: int = 1,
) -> Iterator[Any]:
    """Yield what a reader of `worker.READERS` sends of files; the process ends with the iteration.

    To start a process takes a third of a second, so that files of one origin are better read together.

    Args:
        reader: its name.
        paths: the files.
        options: what else the reader is told, as JSON values.
        what: what such a file is, for messages.
        seconds: processor time, and time of silence, that it may take; by the file's size unless told.
        times: how often over it reads the files.

    Raises:
        MissingError: no such file, or a package that reads it cannot be imported.
        IntegrityError: it is damaged, or wants more memory or time than its size explains.
        BrainflixError: what the reader itself says.
        ResourceError: the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="brainflix-confined-") as folder:
        yield from _answers(reader, paths, options, what, seconds, folder, times=times, fills=False)


def read_confined(reader: str, path: Path, options: Mapping[str, Any], what: str, *, seconds: int | None = None) -> Any:
    """Return the one value that a reader makes of a file, arrays as memory maps; raises as `iterate_confined`."""
    with tempfile.TemporaryDirectory(prefix="brainflix-confined-") as folder:
        for _ in _answers(reader, [path], options, what, seconds, folder, fills=True):
            pass
        try:
            return read_plain(Path(folder))
        except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
            raise _unreadable(path.name, what, f"{type(error).__name__}: {error}") from error


def _answers(
    reader: str,
    paths: Sequence[Path],
    options: Mapping[str, Any],
    what: str,
    seconds: int | None,
    folder: str,
    *,
    fills: bool,
    times: int = 1,
) -> Iterator[Any]:
    for path in paths:
        require_content(path)
    sizes = [path.stat().st_size for path in paths]
    size = sum(sizes)
    seconds = _seconds(sizes, times) if seconds is None else seconds
    limits = {
        "memory": _BASE_BYTES + _TIMES_FILE * size,
        "seconds": seconds,
        "file_bytes": 2 * size + (64 << 20),
    }
    job: dict[str, Any] = {"reader": reader, "paths": [str(path.resolve()) for path in paths]}
    job |= {"options": dict(options), "folder": folder, "fills": fills, "limits": limits}
    with tempfile.TemporaryFile() as told, _started(json.dumps(job), told) as process:
        assert process.stdout is not None
        try:
            yield from received(process.stdout.fileno(), seconds + _BASE_S)
        except (EOFError, TimeoutError, ValueError) as error:
            # Ended before its end, it says why; silent, it is stopped.
            code = _end(process, grace_s=_BASE_S if isinstance(error, EOFError) else 0)
            told.seek(0)
            name = paths[0].name if len(paths) == 1 else f"one of {paths[0].name} to {paths[-1].name}"
            raise _said(name, what, code, told.read().decode("utf-8", "replace")) from error
        finally:
            _end(process, grace_s=0)


def _seconds(sizes: Sequence[int], times: int) -> int:
    """Return how long files of these sizes may take that are read so many times over, unpacked as far as they may."""
    unpacked = sum(allowed_bytes(size) for size in sizes)
    return _BASE_S + times * (sum(sizes) // _BYTES_PER_S + unpacked // _UNPACKED_BYTES_PER_S)


def _started(job: str, told: IO[bytes]) -> subprocess.Popen[bytes]:
    # Of the environment is told what finds libraries, how HDF5 opens files, and how much may be unpacked: no token, no
    # proxy.
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    places = [str(_PACKAGE_PARENT), *(os.path.abspath(place) for place in sys.path if place)]
    # More threads would only map more memory.
    kept |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _RUN, json.dumps(places), job],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=told,
        env=kept,
        bufsize=0,
    )


def _end(process: subprocess.Popen[bytes], grace_s: float) -> int:
    """Wait so long for the process, then stop it; return its exit code."""
    try:
        return process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _said(name: str, what: str, code: int, told: str) -> BrainflixError:
    """Return the error that a dead process means."""
    words: list[str] = []
    if code == SAID:
        try:
            words = [str(word) for word in json.loads(told.splitlines()[-1])]
        except (ValueError, IndexError):
            words = []
    if not words:
        lines = told.strip().splitlines() if code > 0 else []
        if absent := [line for line in lines if line.startswith(_NOT_INSTALLED)]:
            return MissingError(f"a package that reads a {what} cannot be imported", why=absent[-1], next="install it")
        last = "".join(lines[-1:])
        return _unreadable(name, what, last or "reading it took more memory or time than its size explains")
    kind = getattr(errors, words[0], None) if words[0] else None
    if kind is not None and len(words) == 4:
        found: BrainflixError = kind(words[1], why=words[2], next=words[3])
        return found
    full = refusal(OSError(words[1]))
    if full is not None and full.errno in DISK_IS_FULL:
        return ResourceError(f"no room to read {name}", why=words[1], next="free some space in the temporary folder")
    return _unreadable(name, what, words[1])


def _unreadable(name: str, what: str, why: str) -> IntegrityError:
    return IntegrityError(f"{name} is not a readable {what}", why=why, next="fetch the file again")
