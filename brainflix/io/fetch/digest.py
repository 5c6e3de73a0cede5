"""Digests of files, as they are written everywhere here: "sha256:<hex>" or "md5:<hex>"."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Return a file's digest by "sha256" or "md5"."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
