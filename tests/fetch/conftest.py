from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

from brainflix.io.fetch.files import RemoteFile
from brainflix.testing.server import Site, serve

BODY = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


def digest(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def remote(url: str, body: bytes = BODY, path: str = "sub/file.bin", **known: object) -> RemoteFile:
    """A file with everything published."""
    return RemoteFile(path, url, **{"size": len(body), "digest": digest(body), **known})
