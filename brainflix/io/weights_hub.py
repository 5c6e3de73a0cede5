"""Fetch weights from the Hub at a commit: the folders that are read, each network once."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from glob import escape
from pathlib import Path

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.weight_files import wanted_files
from brainflix.store.manifest import FileEntry
from brainflix.store.whole import changed_file

# A Hub that does not answer within so many seconds is not there.
ANSWER_S = 5.0
_HEX, _SHA256_DIGITS, _SHA1_DIGITS = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"), 64, 40
# Says of which folders a pipeline of diffusers consists.
_INDEX = "model_index.json"


def is_offline() -> bool:
    """Say whether the environment forbids connections now, whatever it said when libraries were imported."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "on", "yes", "true")


def fetch_weights(name: str, revision: str, folders: Sequence[str] = ()) -> Path:
    """Return the folder of a repository's weights in the Hub's cache, fetching what is not there.

    Arguments and errors as of `weights.resolve_weights`.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    commit, silent = revision or None, False
    try:
        # Without a connection only what was fetched before counts; asked for a whole commit, the library would first
        # try again for half a minute.
        files = None if is_offline() else _list_files(name, commit)
        silent = files is None and not is_offline()
        chosen = None
        if files is not None:
            parts = folders or (_pipeline_folders(name, commit) if _INDEX in files else ())
            chosen = [escape(path) for path in wanted_files(files, parts)]
        folder = Path(snapshot_download(name, revision=commit, local_files_only=files is None, allow_patterns=chosen))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise MissingError(
            f"weights {name!r} are not here and could not be fetched",
            why="the Hub does not answer" if silent else str(error).splitlines()[0],
            next=f"hf download {name} --revision {revision or 'main'} on a machine with a network, then copy its cache",
        ) from error
    _check_cached(name, folder, folders)
    return folder


def _check_cached(name: str, folder: Path, parts: Sequence[str]) -> None:
    """Compare what is read of a snapshot with its digests, once in a process.

    The Hub's cache keeps each file under its digest: SHA-256 of large ones, git's own of small ones (huggingface_hub,
    "Understand caching"). A snapshot without links to such names, as on Windows, says nothing of its bytes.

    Raises:
        IntegrityError: a file has other bytes than the Hub gave.
    """
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    found = {path: (folder / path).resolve() for path in wanted_files(paths, parts)}
    named = {path: blob for path, blob in found.items() if blob.parent.name == "blobs" and _HEX.fullmatch(blob.name)}
    large = [FileEntry(path, 0, blob.name) for path, blob in named.items() if len(blob.name) == _SHA256_DIGITS]
    changed = changed_file(folder, large)
    damaged = [changed.path] if changed else []
    damaged += [
        path for path, blob in named.items() if len(blob.name) == _SHA1_DIGITS and _git_digest(blob) != blob.name
    ]
    if damaged:
        raise IntegrityError(
            f"weights {name!r} are damaged: {damaged[0]} has other bytes than the Hub gave",
            why="its digest is not the one that the cache keeps it under",
            next=f"rm {named[damaged[0]]}, then run again with a network",
        )


def _git_digest(path: Path) -> str:
    """Return the SHA-1 that git names a file's content by (Pro Git, section 10.2)."""
    body = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def check_access(name: str, revision: str) -> None:
    """Ask whether a repository's weights can be had, without fetching them; a Hub that does not answer says nothing.

    Raises:
        MissingError: they are not here and no connection may be opened, or the Hub gives them only to people whom it
            knows; says what to do.
    """
    from huggingface_hub import auth_check, model_info
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if (Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "snapshots" / (revision or "main")).is_dir():
        return
    if is_offline():
        raise MissingError(
            f"weights {name!r} are not here, and no connection may be opened",
            next=f"hf download {name} --revision {revision or 'main'} on a machine with a network, then copy its cache",
        )
    try:
        if model_info(name, timeout=ANSWER_S).gated:
            auth_check(name)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise MissingError(
            f"the Hub does not give the weights {name!r} to you",
            why="".join(str(error).splitlines()[:1]),
            next=f"ask for them at https://huggingface.co/{name}, then hf auth login",
        ) from error
    except Exception:
        # Nobody answers, or not in a way that says no: fetching will tell.
        return


def _list_files(name: str, commit: str | None) -> list[str] | None:
    """List a repository; None where the Hub cannot be reached. What it says of a repository is an error of its own."""
    from huggingface_hub import model_info
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        siblings = model_info(name, revision=commit, timeout=ANSWER_S).siblings
    except (HfHubHTTPError, HFValidationError):
        raise
    except Exception:
        # Of the library underneath, which is another one in each line of huggingface_hub.
        return None
    return [each.rfilename for each in siblings or ()]


def _pipeline_folders(name: str, commit: str | None) -> list[str]:
    """Return the folders of a pipeline of diffusers, as its index names them."""
    from huggingface_hub import hf_hub_download

    index = json.loads(Path(hf_hub_download(name, _INDEX, revision=commit)).read_text(encoding="utf-8"))
    return [part for part, kind in index.items() if isinstance(kind, list) and kind[0] is not None]
