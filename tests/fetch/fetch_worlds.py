"""A file, its digests, and what is published of it."""

from __future__ import annotations

import hashlib

import numpy as np

from brainflix.io.fetch.files import RemoteFile

BODY = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()


def digest(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def remote(url: str, body: bytes = BODY, path: str = "sub/file.bin", **known: object) -> RemoteFile:
    """A file with everything published."""
    return RemoteFile(path, url, **{"size": len(body), "digest": digest(body), **known})
