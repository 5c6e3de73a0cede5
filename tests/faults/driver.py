"""A process under refuse.c that has imported everything once, and forks for each command that it is told to run.

A line of JSON comes in for each command, and a line goes out:
    {"argv": [...], "cwd": folder, "out": file, "err": file, "env": {...}, "refuse": [below, calls, errno, ...]}
    {"code": exit code or minus a signal, "seen": calls that counted, "written": bytes}
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from typing import Any

from tests.processes import wait

LONGEST_S = 120


def main() -> None:
    """Run commands until the input ends."""
    import tests.crash.preload  # noqa: F401
    from brainflix.cli.app import invoke

    for line in sys.stdin:
        told = json.loads(line)
        sys.stdout.write(json.dumps(run(told, invoke)) + "\n")
        sys.stdout.flush()


def run(told: dict[str, Any], invoke: Any) -> dict[str, int]:
    """Run one command in a fork of this process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code, counts = 70, {}
        try:
            os.close(reading)
            code, counts = _work(told, invoke)
        except BaseException:
            traceback.print_exc()
        finally:
            os.write(writing, json.dumps(counts).encode())
            os._exit(code)
    os.close(writing)
    try:
        code = wait(pid, LONGEST_S)
    except TimeoutError:
        code = -signal.SIGKILL
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    return {"seen": -1, "written": -1, **json.loads(text or "{}"), "code": code}


def _work(told: dict[str, Any], invoke: Any) -> tuple[int, dict[str, int]]:
    for name, handle in (("out", 1), ("err", 2)):
        os.dup2(os.open(told[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), handle)
    os.environ.update(told["env"])
    os.chdir(told["cwd"])
    library = ctypes.CDLL(None)
    library.refuse_seen.restype = library.refuse_written.restype = ctypes.c_long
    below, calls, error, after, room, once, log = told["refuse"]
    library.refuse_arm(
        below.encode(), calls.encode(), error, ctypes.c_long(after), ctypes.c_long(room), once, log.encode()
    )
    code = invoke(told["argv"])
    sys.stdout.flush()
    sys.stderr.flush()
    counts = {"seen": library.refuse_seen(), "written": library.refuse_written()}
    library.refuse_arm(b"", b"", 0, ctypes.c_long(0), ctypes.c_long(0), 0, b"")
    return code, counts


if __name__ == "__main__":
    main()
