"""The library of refuse.c, compiled for a test, and the process that runs commands under it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEVER = 10**12


@dataclass(frozen=True)
class Fault:
    """What is refused; the fields are those of refuse.c."""

    calls: str = "w"
    error: int = errno.ENOSPC
    after: int = NEVER
    room: int = -1
    once: bool = False

    def environment(self, below: Path, log: Path) -> dict[str, str]:
        """Return what a process that loads the library is told."""
        told = {"BELOW": below, "CALLS": self.calls, "ERRNO": self.error, "AFTER": self.after}
        told |= {"BYTES": self.room, "ONCE": int(self.once), "LOG": log}
        return {f"REFUSE_{name}": str(value) for name, value in told.items()}


NOTHING = Fault()
# A disk that takes half of the first write, as it may (write(2), Linux manual).
SHORT = Fault(error=0, after=0, once=True)


def full_after(n_bytes: int, number: int = errno.ENOSPC) -> Fault:
    """Return a disk, or a quota, with room for so many bytes."""
    return Fault(error=number, room=n_bytes)


def compiled(folder: Path) -> Path:
    """Compile the library; skip the test where that cannot be."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("refuse.c needs Linux and a C compiler")
    library = folder / "refuse.so"
    source = Path(__file__).with_name("refuse.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"refuse.c does not compile here: {done.stderr.splitlines()[0]}")
    return library


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, stderr, calls and bytes that counted, and a line for each refusal."""

    code: int
    err: str
    seen: int
    written: int
    refused: str


class Commands:
    """Runs `brainflix …` in forks of one process; all that a command may write to lies in `box`."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.folder, self.box = folder, folder / "box"
        for name in ("tmp", "cache"):
            (self.box / name).mkdir(parents=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver"],
            cwd=ROOT,
            env={**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *argv: str, store: Path, fault: Fault = NOTHING) -> Said:
        """Run one command under a fault."""
        out, err, log = (self.folder / name for name in ("out", "err", "log"))
        log.unlink(missing_ok=True)
        env = {"TMPDIR": self.box / "tmp", "BRAINFLIX_CACHE": self.box / "cache", "BRAINFLIX_STORE": store}
        env |= {"BRAINFLIX_OFFLINE": "1", "BRAINFLIX_WORKERS": "1"}
        refuse: list[Any] = [
            str(self.box),
            fault.calls,
            fault.error,
            fault.after,
            fault.room,
            int(fault.once),
            str(log),
        ]
        told = {"argv": argv, "cwd": str(self.box), "out": str(out), "err": str(err), "refuse": refuse}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({**told, "env": {k: str(v) for k, v in env.items()}}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Said(err=err.read_text(), refused=log.read_text() if log.exists() else "", **answer)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def faults_of(seen: int, written: int) -> dict[str, Fault]:
    """Return faults for a command that makes so many writes of so many bytes together."""
    middle = Fault(after=seen // 2)
    return {
        "full-midway": full_after(written // 2),
        # The manifest is written last, and is longer than this.
        "full-at-the-end": full_after(written - 200),
        "full-at-once": full_after(0),
        "quota": full_after(written // 3, errno.EDQUOT),
        "no-room-for-a-file": replace(middle, calls="o", after=1),
        "no-room-for-a-name": replace(middle, calls="r", after=0),
        "broken-write": replace(middle, error=errno.EIO, once=True),
        "broken-sync": Fault("s", errno.EIO, after=1),
    }
