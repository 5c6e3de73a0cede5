"""Publishing: an artifact is staged, hashed, forced to the disk and renamed into place, so it is whole or absent.

No lock is taken: the first rename wins, and whoever comes second uses the winner's artifact. A process that dies at any
moment leaves only a staging folder behind, and next to it the `owner.json` by which `store gc` recognises it as dead.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brainflix.errors import DataError, IntegrityError
from brainflix.store import disk
from brainflix.store.complete import check_arrays_complete
from brainflix.store.manifest import MANIFEST_NAME, Manifest, plain_notes
from brainflix.store.provenance import Owner, this_process, versions
from brainflix.store.refs import Ref
from brainflix.store.refusals import refusal

STAGING = ".staging"
OWNER_SUFFIX = ".owner.json"
# Staging that failed in this process: a thread that was asleep then may still make one anew.
_UNFINISHED: set[Path] = set()
_LOST_RACE = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


@dataclass
class Staging:
    """The folder that a stage fills, and what it leaves for the manifest: notes, and the device it computed on.

    `path` is an empty folder; the stage writes files below it. `notes` takes anything that has a text form.
    `published` becomes true when this staging became the artifact, and stays false when another process was first.
    """

    ref: Ref
    path: Path
    notes: dict[str, Any] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    published: bool = False


@contextmanager
def publishing(root: Path, draft: Manifest, *, notes: Mapping[str, Any], fsync: bool) -> Iterator[Staging]:
    """Yield a staging folder; when the body ends, publish it under the store's `root` as the artifact of `draft`.

    Args:
        root: folder of the store.
        draft: the manifest without its files, times and notes.
        notes: first content of the staging's notes.
        fsync: force everything to the disk (safe against power loss); without it only safe against killed processes.

    Raises:
        ResourceError: the disk is full, not writable or broken.
        IntegrityError: the artifact's folder exists without a manifest, so it is not an artifact.
        DataError: the body left a link, a reserved name or an unfinished array.
    """
    final = root / draft.kind / draft.name / draft.key
    refuse_torn(final, draft.ref)
    started = time.monotonic()
    staging, owner_file = _start_staging(root, draft, notes)
    owner_pid = os.getpid()
    try:
        with _disk_errors(root, staging):
            yield staging
        try:
            _seal(staging, draft, time.monotonic() - started, fsync)
            staging.published = _move_into_place(staging, final, fsync)
        except OSError as error:
            raise disk.resource_error(error, final, f"publish {draft.ref} to") from error
    finally:
        # a forked worker that leaves the body must not delete the folder that its parent still fills
        if os.getpid() == owner_pid:
            clear_staging(staging.path, owner_file, is_written=not staging.published)


def staging_folder(root: Path) -> Path:
    """Return the folder in which a store stages artifacts."""
    return root / STAGING


def owner_of(staged: Path) -> Path:
    """Return the path of the owner file that belongs to one staged folder: it lies next to it, never in it."""
    return staged.with_name(staged.name + OWNER_SUFFIX)


def read_owner(owner_file: Path) -> Owner | None:
    """Read an owner file; None when it is absent or was torn by a crash."""
    try:
        body = json.loads(owner_file.read_text(encoding="utf-8"))
        return Owner(**{**body, "inputs": tuple(body["inputs"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def reserve_staging(root: Path, ref: Ref, inputs: tuple[str, ...] = ()) -> tuple[Path, Path]:
    """Name a new staging folder for `ref` (not yet made) and write the owner file that says whose it is.

    Raises:
        OSError: the disk refuses.
    """
    token = uuid.uuid4().hex
    staged = staging_folder(root) / f"{ref.key}.{os.getpid()}.{token}"
    owner_file = owner_of(staged)
    disk.make_folders(staged.parent, sync=False)
    owner = this_process(token, str(ref), inputs)
    try:
        disk.write_file(owner_file, json.dumps(owner.to_dict(), indent=1).encode(), sync=False)
    except BaseException:
        # Torn, it would say of nobody that he is dead.
        clear_staging(staged, owner_file)
        raise
    return staged, owner_file


def clear_staging(staged: Path, owner_file: Path, *, is_written: bool = False) -> None:
    """Delete a staging folder, then its owner file: what a crash leaves between the two still has its owner.

    With `is_written`, threads of this process may still write there.
    """
    if is_written:
        disk.remove_written_tree(staged)
        _UNFINISHED.add(staged)
    else:
        disk.remove_tree(staged)
    if not staged.exists():
        with suppress(OSError):
            os.unlink(owner_file)


@atexit.register
def _clear_late() -> None:
    """Delete what late threads made anew; by now they have ended."""
    for staged in _UNFINISHED:
        if staged.exists():
            disk.remove_tree(staged)


def _start_staging(root: Path, draft: Manifest, notes: Mapping[str, Any]) -> tuple[Staging, Path]:
    inputs = tuple(ref for refs in draft.inputs.values() for ref in refs)
    try:
        staged, owner_file = reserve_staging(root, draft.ref, inputs)
        try:
            os.mkdir(staged)
        except BaseException:
            clear_staging(staged, owner_file)
            raise
    except OSError as error:
        raise disk.resource_error(error, root, f"write {draft.ref} to") from error
    return Staging(draft.ref, staged, dict(notes), dict(draft.device)), owner_file


@contextmanager
def _disk_errors(root: Path, staging: Staging) -> Iterator[None]:
    """Explain the body's own disk errors: a full disk anywhere, another refusal in the staging or at no named file."""
    try:
        yield
    except Exception as error:
        found = refusal(error)
        if found is None:
            raise
        named = Path(os.fsdecode(found.filename)) if isinstance(found.filename, (str, bytes, os.PathLike)) else None
        if named is not None and not named.is_relative_to(staging.path):
            if found.errno not in disk.DISK_IS_FULL:
                raise
            raise disk.resource_error(found, named, "write") from error
        file = f"{named.relative_to(staging.path).as_posix()} of " if named is not None else ""
        raise disk.resource_error(found, root, f"write {file}{staging.ref} to") from error


def _seal(staging: Staging, draft: Manifest, wall_s: float, fsync: bool) -> None:
    if (staging.path / MANIFEST_NAME).exists():
        raise DataError(f"{draft.ref} holds its own {MANIFEST_NAME}", why="the store writes that file")
    check_arrays_complete(staging.path)
    files = disk.file_entries(staging.path, sync=fsync)
    if fsync:
        disk.sync_tree(staging.path)
    manifest = replace(
        draft,
        files=files,
        notes=plain_notes(staging.notes),
        device=plain_notes(staging.device),
        wall_s=round(wall_s, 3),
        versions={**versions(), **draft.versions},
        created=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    )
    disk.write_file(staging.path / MANIFEST_NAME, manifest.to_json().encode(), sync=fsync)
    if fsync:
        disk.sync_folder(staging.path)


def _move_into_place(staging: Staging, final: Path, fsync: bool) -> bool:
    disk.make_folders(final.parent, sync=fsync)
    try:
        os.rename(staging.path, final)
    except OSError as error:
        if error.errno not in _LOST_RACE:
            raise
        refuse_torn(final, staging.ref)
        if not final.exists():
            raise
        return False
    if fsync:
        disk.sync_folder(final.parent)
    return True


def refuse_torn(final: Path, ref: Ref) -> None:
    """Refuse a folder in an artifact's place that holds no manifest.

    Raises:
        IntegrityError: there is one.
    """
    if final.exists() and not (final / MANIFEST_NAME).is_file():
        raise IntegrityError(
            f"{final} exists but holds no {MANIFEST_NAME}",
            why=f"{ref} was copied or deleted by something else than brainflix",
            next="brainflix store gc --now",
        )
