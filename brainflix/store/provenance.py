"""Provenance: versions of the software that makes an artifact, and the identity of the process that stages it."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import brainflix

PACKAGES = ("torch", "numpy", "scipy", "zarr", "diffusers", "transformers", "accelerate")


@lru_cache(maxsize=1)
def software_versions() -> dict[str, str]:
    """Return the versions of brainflix, Python and the packages that shape results, without importing any of them."""
    own = {"brainflix": brainflix.__version__, "git": git_revision(), "python": platform.python_version()}
    return own | installed_versions(PACKAGES)


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed, without importing any of them."""
    found = {}
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def versions() -> dict[str, str]:
    """Return `software_versions` with CUDA's version where torch is loaded and was built with it."""
    torch = sys.modules.get("torch")
    build = getattr(getattr(torch, "version", None), "cuda", None)
    return {**software_versions(), **({"cuda": str(build)} if build else {})}


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return the SHA-256 of brainflix's own modules: a commit and `-dirty` do not tell two edits apart."""
    home, digest = Path(brainflix.__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        digest.update(f"{path.relative_to(home).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def git_revision() -> str:
    """Return the commit (with `-dirty` when changed) of the checkout that brainflix runs from, or an empty string."""
    home = Path(brainflix.__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return ""
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=12", "--match", "nothing"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@dataclass(frozen=True)
class Owner:
    """The process that stages an artifact, told apart from every other one, also after a reboot or a recycled pid."""

    host: str
    boot: str
    namespace: str
    pid: int
    pid_started: str
    uuid: str
    created_s: float
    ref: str
    inputs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the owner as plain JSON values."""
        return {**asdict(self), "inputs": list(self.inputs)}


def this_process(uuid: str, ref: str, inputs: tuple[str, ...]) -> Owner:
    """Return the owner that stands for this process, for one staging with its own `uuid`."""
    pid = os.getpid()
    return Owner(
        socket.gethostname(), boot_id(), pid_namespace(), pid, process_start(pid), uuid, time.time(), ref, inputs
    )


def fate(owner: Owner) -> str:
    """Tell whether the owner is "alive", "dead" or "foreign" (of another machine or container: it cannot be known)."""
    if owner.host != socket.gethostname():
        return "foreign"
    if owner.boot != boot_id():
        return "foreign" if owner.host.startswith("localhost") else "dead"
    if owner.namespace != pid_namespace():
        return "foreign"
    return "alive" if _is_running(owner.pid, owner.pid_started) else "dead"


def boot_id() -> str:
    """Return the kernel's id of this boot, or an empty string where there is none."""
    return _read_line("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str:
    """Return the pid namespace (containers have their own), or an empty string where there are none."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def process_start(pid: int) -> str:
    """Return when process `pid` started, in kernel ticks since boot, or an empty string where it cannot be read."""
    fields = _stat_fields(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat_fields(pid: int) -> list[str]:
    # the command name (in brackets) may hold spaces and brackets itself, so the fields are counted after the last one
    return _read_line(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _is_running(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state = _stat_fields(pid)[:1]
    now = process_start(pid)
    return state != ["Z"] and (not (started and now) or started == now)


def _read_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
