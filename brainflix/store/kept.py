"""Results that wait in the spool under a name: a job that is stopped finds them again, and nothing else does.

A file is the digest of its name and content, and the content. One that is torn, damaged or another's counts as absent,
and one that cannot be written costs the time to compute it again.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path

_DIGEST_BYTES = 32
_SUFFIX = ".kept"


class KeptFiles:
    """Results by name in one folder, which belongs to one job on the very bytes of its inputs."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not exist."""
        self.folder = folder

    def has(self, name: str) -> bool:
        """Tell whether there is a file for the name; what is in it has not been looked at."""
        return self._place(name).is_file()

    def get(self, name: str) -> bytes | None:
        """Return what was kept under a name; None if nothing was, or if its bytes are not those that were kept."""
        try:
            found = self._place(name).read_bytes()
        except OSError:
            return None
        body = found[_DIGEST_BYTES:]
        return body if found[:_DIGEST_BYTES] == _digest(name, body) else None

    def put(self, name: str, body: bytes) -> None:
        """Keep a result, whole or not at all."""
        place = self._place(name)
        part = place.with_name(f"{uuid.uuid4().hex}.part")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(_digest(name, body) + body)
                os.replace(part, place)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def _place(self, name: str) -> Path:
        return self.folder / (hashlib.sha256(name.encode()).hexdigest() + _SUFFIX)


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(name.encode()).digest() + body).digest()
