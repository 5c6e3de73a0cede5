"""Find model weights by name: shipped with brainflix (`demo/…`), a local folder, or a Hub repository at a revision."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from brainflix.errors import MissingError, UsageError

SHIPPED = Path(__file__).resolve().parents[1] / "demo" / "weights"
PREFIX = "demo/"


def is_shipped(name: str) -> bool:
    """Say whether these weights come with brainflix."""
    return name.startswith(PREFIX)


@lru_cache(maxsize=8)
def shipped_revision(name: str) -> str:
    """Return a digest of shipped weights, so that keys change when the weights do.

    Raises:
        UsageError: no such shipped weights.
    """
    folder = _shipped(name)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def resolve_weights(name: str, revision: str, *, offline: bool = False, token: str | None = None) -> Path:
    """Return the folder of the weights `name`, fetching it from the Hub if it must.

    Args:
        name: `demo/…`, a folder, or a Hub repository id.
        revision: commit of the Hub repository; its digest for shipped weights.
        offline: take only what is already in the Hub's cache.
        token: Hub token for gated repositories.

    Raises:
        MissingError: the weights cannot be had; says how to get them.
    """
    if is_shipped(name):
        return _shipped(name)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision or None, local_files_only=offline, token=token))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise MissingError(
            f"weights {name!r} are not here and could not be fetched",
            why=str(error).splitlines()[0],
            next=f"hf download {name} --revision {revision or 'main'} on a machine with a network, then copy its cache",
        ) from error


def _shipped(name: str) -> Path:
    folder = SHIPPED / name.removeprefix(PREFIX)
    if ".." in name or not folder.is_dir():
        known = ", ".join(PREFIX + path.name for path in sorted(SHIPPED.iterdir()) if path.is_dir())
        raise UsageError(f"no weights {name!r} are shipped", why=f"there are {known}")
    return folder
