"""What a confined process may not do. It is walled in before it looks at a file.

The limits are the system's. The network is cut off twice: the process leaves the machine's network where the system
lets it (Linux, unshare(2)), and Python's own calls are refused in any case (PEP 578).
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Beside what a program allocates, libraries are mapped.
_MAPPED_BYTES = 2 << 30
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_FORBIDDEN = (
    *("socket.", "subprocess.", "ctypes.", "http.", "urllib.", "ftplib.", "smtplib.", "webbrowser.", "pty."),
    *("os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.kill", "os.remove", "os.rename", "os.link"),
    *("os.symlink", "os.rmdir", "os.chmod", "os.chown", "os.truncate", "shutil."),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def wall_in(*, memory: int, seconds: int, file_bytes: int, folder: Path) -> None:
    """Confine this process for good.

    Args:
        memory: bytes that it may allocate.
        seconds: processor time that it may take.
        file_bytes: size of a file that it may write.
        folder: the only one in which it may write.
    """
    limits = {
        "RLIMIT_DATA": memory,
        "RLIMIT_AS": memory + _MAPPED_BYTES,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": file_bytes,
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        # Not every system has every limit, and none may be raised above what the parent has.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            which = getattr(resource, name)
            hard = resource.getrlimit(which)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (most, most))
    leave_network()
    sys.addaudithook(_refusal(os.path.realpath(folder)))


def leave_network() -> bool:
    """Leave the machine's network for an empty one; say whether the system let us."""
    import ctypes

    try:
        unshare = ctypes.CDLL(None).unshare
    except (OSError, AttributeError):
        return False
    # Who may not leave alone may as the first user of a new, empty set of users.
    return any(unshare(flags) == 0 for flags in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK))


def _refusal(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"{event} is not allowed while a file is read")
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            place = arguments[0]
            inside = isinstance(place, str | bytes) and os.path.realpath(os.fsdecode(place)).startswith(f"{folder}/")
            if not (inside or isinstance(place, int)):
                raise PermissionError(f"writing {place!r} is not allowed while a file is read")

    return refuse
