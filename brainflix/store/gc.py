"""Garbage collection: what may be deleted and why, as a plan to look at first; the only part of brainflix that deletes.

Without further request only the staging folders and claims of dead processes go, and what waits for a process to go on
with it but was not touched for as long. On request also torn folders (`now`), artifacts that nothing needs (`keep`),
and artifacts by name (`remove`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from brainflix.errors import MissingError, UsageError
from brainflix.store import disk
from brainflix.store.claims import CLAIM_SUFFIX, CLAIMS, claim_files, has_lapsed
from brainflix.store.lineage import Lineage, read_lineage
from brainflix.store.manifest import MANIFEST_NAME
from brainflix.store.provenance import Owner, fate
from brainflix.store.publish import OWNER_SUFFIX, clear_staging, owner_of, read_owner, reserve_staging, staging_folder
from brainflix.store.refs import KINDS, Ref, is_key, is_name, whole_ref
from brainflix.store.spools import spool_folder, spooled_refs
from brainflix.store.store import Store

FOREIGN_IDLE_H = 7 * 24.0
"""Staging of another machine, whose processes cannot be seen, counts as abandoned when unchanged for a week."""


@dataclass(frozen=True)
class Request:
    """What a plan was asked for: see `plan_gc`."""

    keep: tuple[Ref, ...] | None
    remove: tuple[Ref, ...]
    older_than_h: float
    now: bool


@dataclass(frozen=True)
class GcPlan:
    """What would be deleted.

    Attributes:
        store, request: where, and what was asked for.
        reasons: for each path why it goes.
        bytes: what this frees.
        dependents: artifacts that stay and were made from one that goes, directly or not.
        damaged: why the manifest of an artifact that stays cannot be read; what it needs is not known.
    """

    store: Store
    request: Request
    reasons: dict[Path, str] = field(default_factory=dict)
    bytes: int = 0
    dependents: tuple[Ref, ...] = ()
    damaged: Mapping[Ref, str] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders and files to delete, in order."""
        return tuple(self.reasons)


def plan_gc(
    store: Store,
    *,
    keep: Iterable[Ref | str] | None = None,
    remove: Iterable[Ref | str] = (),
    older_than_h: float = 24.0,
    now: bool = False,
) -> GcPlan:
    """Plan what to delete; nothing is touched.

    Args:
        store: the store.
        keep: None to leave artifacts alone; else artifacts go that are neither one of these, nor the newest of their
            name, nor an input, direct or not, of one of those or of what a process is making. What is older than a
            needed artifact with an unreadable manifest stays: it may be what that one was made from.
        remove: artifacts to delete by name, wanted or not.
        older_than_h: least age in hours of a dead process's staging, and of waiting rows that nobody adds to.
        now: delete dead staging and waiting rows of any age, and folders in an artifact's place that hold no manifest.

    Raises:
        MissingError: an artifact to keep or to remove does not exist.
    """
    kept = None if keep is None else tuple(_existing(store, ref) for ref in keep)
    request = Request(kept, tuple(_existing(store, ref) for ref in remove), older_than_h, now)
    # Where no artifact is asked about, no manifest need be read.
    lineage = read_lineage(store) if request.remove or request.keep is not None else Lineage((), {}, {})
    reasons = _reasons(store, request, lineage)
    going = {ref for ref in lineage.refs if store.path(ref) in reasons}
    return GcPlan(
        store,
        request,
        reasons,
        sum(disk.tree_bytes(path) for path in reasons),
        dependents=tuple(lineage.dependents(going)),
        damaged={ref: why for ref, why in lineage.damaged.items() if ref not in going},
    )


def run_gc(plan: GcPlan) -> list[Path]:
    """Delete what the plan names, as far as it may still be deleted now, and return what is gone.

    An artifact first leaves its place by a rename, so no moment shows half an artifact.

    Raises:
        ResourceError: the disk refuses.
    """
    asks = plan.request.keep is not None
    still = _reasons(plan.store, plan.request, read_lineage(plan.store) if asks else Lineage((), {}, {}))
    gone = []
    for path in plan.paths:
        if path in still and path.exists():
            try:
                _delete(plan.store, path)
            except OSError as error:
                raise disk.resource_error(error, path, "delete") from error
            gone.append(path)
    return gone


def _reasons(store: Store, request: Request, lineage: Lineage) -> dict[Path, str]:
    reasons = dict(_dead_staging(store, request)) | dict(_idle_spools(store, request))
    reasons |= dict(_lapsed_claims(store, request))
    if request.now:
        reasons |= {path: f"holds no {MANIFEST_NAME}, so it is no artifact" for path in _torn_folders(store)}
    reasons |= {store.path(ref): "asked for" for ref in request.remove}
    if request.keep is not None:
        needed = lineage.needed([*request.keep, *_newest(lineage.refs), *_read_now(store)])
        unused = sorted(ref for ref in lineage.refs if ref not in needed)
        reasons |= {store.path(ref): "nothing that is kept needs it" for ref in unused}
    return reasons


def _dead_staging(store: Store, request: Request) -> Iterator[tuple[Path, str]]:
    entries = list(disk.entries_of(staging_folder(store.root)))
    staged = {path for path in entries if not path.name.endswith(OWNER_SUFFIX)}
    orphans = {path.with_name(path.name.removesuffix(OWNER_SUFFIX)) for path in entries} - staged
    for path in sorted(staged | orphans):
        reason = _why_dead(path, request)
        if reason:
            yield (path if path in staged else owner_of(path)), reason


def _why_dead(staged: Path, request: Request) -> str:
    owner = read_owner(owner_of(staged))
    idle_h = _hours_since(_last_change(staged))
    if owner is None:
        if request.now and not staged.exists():
            return "a torn owner file without a folder"
        return f"staged by an unknown process, unchanged for {idle_h:.0f} h" if idle_h >= request.older_than_h else ""
    state = fate(owner)
    if state == "dead" and (request.now or _hours_since(owner.created_s) >= request.older_than_h):
        return f"staged by process {owner.pid}, which is gone"
    if state == "foreign" and idle_h >= max(FOREIGN_IDLE_H, request.older_than_h):
        return f"staged on {owner.host}, unchanged for {idle_h / 24:.0f} days"
    return ""


def _idle_spools(store: Store, request: Request) -> Iterator[tuple[Path, str]]:
    """Yield rows that wait for an artifact which no process is making."""
    making = {owner.ref for owner in _live_owners(store)}
    for ref in spooled_refs(store.root):
        folder = spool_folder(store.root, ref)
        idle_h = _hours_since(_last_change(folder))
        if str(ref) in making:
            continue
        if store.has(ref):
            yield folder, f"rows of {ref}, which is finished"
        elif request.now or idle_h >= request.older_than_h:
            yield folder, f"rows of {ref}, which was not gone on with for {idle_h:.0f} h"


def _torn_folders(store: Store) -> Iterator[Path]:
    for kind in KINDS:
        for named in disk.entries_of(store.root / kind):
            if is_name(named.name):
                for folder in disk.entries_of(named):
                    if is_key(folder.name) and not (folder / MANIFEST_NAME).is_file():
                        yield folder


def _newest(refs: Iterable[Ref]) -> list[Ref]:
    """Return the first of each name."""
    found: dict[tuple[str, str], Ref] = {}
    for ref in refs:
        found.setdefault((ref.kind, ref.name), ref)
    return list(found.values())


def _read_now(store: Store) -> Iterator[Ref]:
    """Yield what processes that are at work read."""
    for text in (text for owner in _live_owners(store) for text in owner.inputs):
        # A file of another version, or of nobody, may hold anything.
        with suppress(UsageError, AttributeError):
            yield whole_ref(text)


def _lapsed_claims(store: Store, request: Request) -> Iterator[tuple[Path, str]]:
    """Yield claims that stand for no process any more, and what was left over where one was taken."""
    for path in claim_files(store.root):
        if path.suffix == CLAIM_SUFFIX:
            owner = read_owner(path)
            if owner is not None and fate(owner) == "dead":
                yield path, f"claim of process {owner.pid}, which is gone"
            elif has_lapsed(path):
                yield path, "claim that nobody renews"
        elif request.now or _hours_since(_last_change(path)) >= request.older_than_h:
            yield path, "left over from a claim"


def _live_owners(store: Store) -> Iterator[Owner]:
    """Yield the processes that stage or claim something."""
    for path in claim_files(store.root):
        owner = read_owner(path) if path.suffix == CLAIM_SUFFIX and not has_lapsed(path) else None
        if owner is not None:
            yield owner
    for path in disk.entries_of(staging_folder(store.root)):
        owner = read_owner(path) if path.name.endswith(OWNER_SUFFIX) else None
        if owner is not None and fate(owner) != "dead":
            yield owner


def _delete(store: Store, path: Path) -> None:
    if path.parent == store.root / CLAIMS:
        path.unlink(missing_ok=True)
        return
    if path.parent == staging_folder(store.root):
        staged = path.with_name(path.name.removesuffix(OWNER_SUFFIX))
        clear_staging(staged, owner_of(staged))
        return
    trash, owner_file = reserve_staging(store.root, Ref(path.parts[-3], path.parts[-2], path.name))
    try:
        os.rename(path, trash)
    finally:
        clear_staging(trash, owner_file)


def _existing(store: Store, ref: Ref | str) -> Ref:
    found = store.resolve(ref) if isinstance(ref, str) else ref
    if not store.path(found).exists():
        raise MissingError(f"there is no artifact {found}", next="brainflix store ls")
    return found


def _last_change(staged: Path) -> float:
    """Return when anything in a staging folder, or its owner file, changed last, in seconds since 1970."""
    last = 0.0
    for path in (owner_of(staged), staged, *disk.everything_below(staged)):
        with suppress(OSError):
            last = max(last, path.lstat().st_mtime)
    return last


def _hours_since(moment_s: float) -> float:
    return (time.time() - moment_s) / 3600
