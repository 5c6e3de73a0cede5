"""Pickles: read in a process of their own by a list of what may occur, and handed over as plain arrays and values.

The list is what protects; the process keeps a file that only wants memory or time from taking the whole program along.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from brainflix.errors import IntegrityError, MissingError, ResourceError
from brainflix.io.legacy.plain import read_plain
from brainflix.io.legacy.worker import BROKEN, DONE, REFUSED, TOO_LARGE
from brainflix.store.disk import DISK_IS_FULL
from brainflix.store.refusals import refusal

_PACKAGE_PARENT = Path(__file__).resolve().parents[3]
_RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from brainflix.io.legacy.worker import main; sys.exit(main())"
# The interpreter with numpy alone maps about this much.
_BASE_BYTES = 2 << 30
# An array is held as bytes, as an array and, while it is written, in the file's buffers.
_TIMES_FILE = 4


def load_pickle(path: Path, *, start: int = 0, timeout_s: int = 600) -> Any:
    """Read a pickle of containers, numbers, texts and arrays; of Python 2 as well.

    Args:
        path: the file.
        start: byte at which the pickle begins.
        timeout_s: processor time and wall time that reading may take.

    Returns:
        The value. Arrays are memory maps; arrays of Python values are nested lists.

    Raises:
        MissingError: no such file.
        IntegrityError: it names something that could act, is damaged, or wants more memory or time than its size
            explains; nothing of it was run.
        ResourceError: the disk is full.
    """
    if not path.is_file():
        raise MissingError(f"no file at {path}")
    size = path.stat().st_size
    limits = (_BASE_BYTES + _TIMES_FILE * size, timeout_s, 2 * size + (64 << 20))
    with tempfile.TemporaryDirectory(prefix="brainflix-pickle-") as folder:
        arguments = [str(_PACKAGE_PARENT), str(path.resolve()), str(start), folder, *map(str, limits)]
        code, said = _run(arguments, timeout_s)
        if code == DONE:
            try:
                return read_plain(Path(folder))
            except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
                code, said = BROKEN, f"{type(error).__name__}: {error}"
    if code == REFUSED:
        raise IntegrityError(
            f"{path.name} holds a call to {said}, which no data need",
            why="nothing was run",
            next="do not open it with other tools; fetch it again from its source",
        )
    full = refusal(OSError(said)) if code == TOO_LARGE else None
    if full is not None and full.errno in DISK_IS_FULL:
        raise ResourceError(f"no room to read {path.name}", why=said, next="free some space in the temporary folder")
    why = said if code in (BROKEN, TOO_LARGE) else "reading it took more memory or time than its size explains"
    raise IntegrityError(f"{path.name} is not a readable pickle", why=why, next="fetch the file again")


def _run(arguments: list[str], timeout_s: int) -> tuple[int, str]:
    """Run the worker; a code that it never gives itself stands for its death."""
    # Nothing of the environment is told but what finds libraries: no token, no proxy.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    # More threads would only map more memory.
    kept |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _RUN, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout_s,
            env=kept,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stderr.decode("utf-8", "replace")[:500]
