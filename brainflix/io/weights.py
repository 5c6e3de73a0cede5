"""Find model weights by name: shipped with brainflix (`demo/…`), a local folder, or a Hub repository at a revision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from brainflix.errors import MissingError, UsageError
from brainflix.io.weights_hub import fetch_weights

SHIPPED = Path(__file__).resolve().parents[1] / "demo" / "weights"
PREFIX = "demo/"
_BLOCK = 1 << 20
# Path relative to the folder, size, and times of change of the bytes and of the inode of each file: what says that
# nothing was written since.
_Listing = tuple[tuple[str, int, int, int], ...]


def is_shipped(name: str) -> bool:
    """Say whether these weights come with brainflix."""
    return name.startswith(PREFIX)


def local_folder(name: str) -> Path | None:
    """Return the folder of weights that are on this machine under their own name; None for a Hub repository.

    Raises:
        UsageError: no such weights are shipped.
        MissingError: a name that can only be a folder's, and there is none.
    """
    if is_shipped(name):
        return _shipped(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")):
        raise MissingError(f"there is no folder of weights {name!r}", why=f"looked in {Path.cwd()}")
    return None


def pin(name: str, revision: str, subfolders: Sequence[str] = ()) -> str:
    """Return what pins weights in a key: the digest of a local folder's files, the commit of a Hub repository.

    Args:
        name: as `resolve_weights`.
        revision: what the recipe says; may be empty where the files speak for themselves.
        subfolders: the only folders that are read, if it is not all of them.

    Raises:
        UsageError: no such shipped weights, files that are not those of `revision`, or a Hub repository without one.
        MissingError: there is no such folder or subfolder.
    """
    folder = local_folder(name)
    if folder is None:
        if not revision:
            raise UsageError(f"weights {name!r} need a revision", why="no such folder; from the Hub, give a commit")
        return revision
    found = folder_digest(folder, subfolders)
    if revision not in ("", found):
        raise UsageError(
            f"weights {name!r} are not those of revision {revision!r}",
            why=f"the files in {folder} have the digest {found}",
            next="leave the revision out to take the files as they are",
        )
    return found


def folder_digest(folder: Path, subfolders: Sequence[str] = ()) -> str:
    """Return 12 hex digits of a SHA-256 over the names and bytes of all files, hidden ones (caches) left out.

    Configurations and tokenizers change what is computed as much as the numbers do. Bytes are read once per process
    and again when a file's size or time of change differs.

    Raises:
        UsageError: a subfolder that does not lie inside.
        MissingError: a subfolder is not there.
    """
    files: list[Path] = []
    for part in subfolders or ("",):
        if Path(part).is_absolute() or ".." in Path(part).parts:
            raise UsageError(f"{part!r} is no folder inside the weights {folder}")
        if not (folder / part).is_dir():
            raise MissingError(f"the weights in {folder} have no folder {part!r}")
        files += (path for path in (folder / part).rglob("*") if path.is_file())
    named = {path.relative_to(folder): path.stat() for path in files}
    shown = {name: stat for name, stat in named.items() if not any(piece.startswith(".") for piece in name.parts)}
    listing = sorted(
        (name.as_posix(), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in shown.items()
    )
    return _digest(folder.resolve(), tuple(listing))


@lru_cache(maxsize=64)
def _digest(folder: Path, listing: _Listing) -> str:
    digest = hashlib.sha256()
    for name, *_ in listing:
        own = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while block := file.read(_BLOCK):
                own.update(block)
        # Hashed by themselves first, so that no file's end can pass for the next one's name.
        digest.update(hashlib.sha256(name.encode()).digest() + own.digest())
    return digest.hexdigest()[:12]


def resolve_weights(name: str, revision: str, folders: Sequence[str] = ()) -> Path:
    """Return the folder of the weights `name`, fetching it from the Hub if it must.

    Whether the network may be used and with which token comes from the environment, as `settings.tell_hub` sets it.

    Args:
        name: `demo/…`, a folder, or a Hub repository id.
        revision: commit of the Hub repository; for others the digest of their files, which is checked again.
        folders: the only ones that are read, so that no other is fetched; empty for all of a model or pipeline.

    Raises:
        MissingError: the weights cannot be had; says how to get them.
        UsageError: files on this machine are not those of `revision` any more.
    """
    folder = local_folder(name)
    if folder is None:
        folder = fetch_weights(name, revision, folders)
    elif revision:
        # The key was made of these very files; they may have changed since.
        pin(name, revision, folders)
    # After, not before: it imports the libraries, which takes seconds that weights which are not there need not cost.
    quieten_libraries()
    return folder


def quieten_libraries() -> None:
    """Switch off the model libraries' own bars and hints; brainflix says what it does in its own words."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def _shipped(name: str) -> Path:
    folder = SHIPPED / name.removeprefix(PREFIX)
    if ".." in name or not folder.is_dir():
        known = ", ".join(PREFIX + path.name for path in sorted(SHIPPED.iterdir()) if path.is_dir())
        raise UsageError(f"no weights {name!r} are shipped", why=f"there are {known}")
    return folder
