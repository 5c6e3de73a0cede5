"""Child processes of a test."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable


def fork(work: Callable[[], None]) -> int:
    """Start a child that does `work` and exits 0, or 1 with a traceback; return its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def wait(pid: int, longest_s: float = 60) -> int:
    """Wait for a child and return its exit code, or minus the signal that ended it.

    Raises:
        TimeoutError: it took longer, and was killed.
    """
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise TimeoutError(f"child {pid} hung")


def dead_pid() -> int:
    """Return the number of a process that is over."""
    pid = fork(lambda: None)
    wait(pid)
    return pid
