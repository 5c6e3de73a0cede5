"""The store: publish, find and open artifacts under one root folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brainflix.errors import MissingError, UsageError
from brainflix.store.artifact import Artifact, read_manifest
from brainflix.store.disk import entries_of
from brainflix.store.keys import canonical
from brainflix.store.manifest import MANIFEST_NAME, Manifest, plain_notes
from brainflix.store.publish import Staging, publishing
from brainflix.store.refs import KINDS, PartialRef, Ref, is_key, is_name, parse_ref, whole_ref
from brainflix.wording import suggest

__all__ = ["Artifact", "Staging", "Store"]

_CREATED = re.compile(rb'"created": "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"')
# It stands first in a manifest, so that a torn one may still say it.
_CREATED_WITHIN = 256


class Store:
    """A folder of immutable artifacts, `<root>/<kind>/<name>/<key>/`; it is made when the first one is published."""

    def __init__(self, root: Path | str) -> None:
        """Take the root folder, which need not exist."""
        self.root = Path(root).expanduser().absolute()

    def __repr__(self) -> str:
        """Return the root."""
        return f"Store({str(self.root)!r})"

    def path(self, ref: Ref) -> Path:
        """Return the folder of an artifact, whether or not it exists."""
        return self.root / ref.kind / ref.name / ref.key

    def has(self, ref: Ref) -> bool:
        """Tell whether the artifact exists: it does if and only if its manifest does."""
        return _has_manifest(self.path(ref))

    def publish(
        self,
        ref: Ref,
        *,
        stage: str,
        stage_version: int,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Sequence[Ref | str]],
        recipe: str = "",
        seed: int = 0,
        dataset_revision: str = "",
        device: Mapping[str, str] | None = None,
        notes: Mapping[str, Any] | None = None,
        fsync: bool = True,
    ) -> AbstractContextManager[Staging]:
        """Return a context manager that yields an empty `Staging` folder and publishes it when the body ends well.

        On any exception (also an interrupt) the staging is deleted and nothing is published. Publishing an artifact
        that exists is allowed: the first one stays, and `Staging.published` is false.

        Args:
            ref: the artifact to make.
            stage: the verb that makes it.
            stage_version: version of the stage's code.
            parameters: the stage's slice of the recipe.
            inputs: role -> refs of the input artifacts, in order.
            recipe: name of the recipe.
            seed: seed of every random choice in it.
            dataset_revision: revision of the data set.
            device: name, dtype and reason of the compute device.
            notes: further remarks for people; anything that has a text form.
            fsync: force everything to the disk before the artifact appears.

        Raises:
            UsageError: a parameter cannot be written as canonical JSON, or an input is not a whole ref.
            ResourceError: the disk is full, not writable or broken.
            IntegrityError: the artifact's folder exists without a manifest.
            DataError: the body left a link, a file named manifest.json or an unfinished array.
        """
        draft = Manifest(
            kind=ref.kind,
            name=ref.name,
            key=ref.key,
            stage=stage,
            stage_version=stage_version,
            parameters=canonical(parameters),
            inputs={role: tuple(_ref_text(each) for each in refs) for role, refs in inputs.items()},
            dataset_revision=dataset_revision,
            recipe=recipe,
            seed=seed,
            device=plain_notes(device or {}),
        )
        return publishing(self.root, draft, notes=notes or {}, fsync=fsync)

    def open(self, ref: Ref | str) -> Artifact:
        """Open an artifact after checking its manifest, and that its files are there with their sizes, and no others.

        Raises:
            MissingError: there is no such artifact.
            IntegrityError: the manifest was changed, or a file is absent, added, a link or of another size.
        """
        found = self.resolve(ref) if isinstance(ref, str) else ref
        folder = self.path(found)
        artifact = Artifact(found, folder, read_manifest(folder, found))
        artifact.check_files()
        artifact.check_nothing_added()
        return artifact

    def manifest(self, ref: Ref) -> Manifest:
        """Return the manifest of an artifact without looking at its files.

        Raises:
            MissingError: there is no such artifact.
            IntegrityError: the manifest was changed.
        """
        return read_manifest(self.path(ref), ref)

    def resolve(self, text: str) -> Ref:
        """Return the artifact that `kind/name` (the newest) or `kind/name@key` (also a shortened key) means.

        Raises:
            UsageError: the text is not a ref, or the shortened key fits several artifacts.
            MissingError: there is no such artifact.
            IntegrityError: which is the newest cannot be known, since a manifest was changed.
        """
        wanted = parse_ref(text)
        candidates = self.refs(wanted.kind, wanted.name)
        if wanted.key is None:
            if not candidates:
                raise self._missing(wanted)
            for each in candidates if len(candidates) > 1 else ():
                self.manifest(each)
            return candidates[0]
        fitting = [ref for ref in candidates if ref.key.startswith(wanted.key)]
        if len(fitting) > 1:
            raise UsageError(f"{text} means {len(fitting)} artifacts", why=", ".join(map(str, fitting)))
        if not fitting:
            raise self._missing(wanted)
        return fitting[0]

    def refs(self, kind: str | None = None, name: str | None = None) -> list[Ref]:
        """Return the artifacts of a kind and a name (None: of all), newest first.

        Raises:
            UsageError: there is no such kind.
        """
        if kind is not None and kind not in KINDS:
            raise UsageError(f"{kind!r} is not a kind of artifact", why=suggest(kind, KINDS))
        found = []
        for each_kind in KINDS if kind is None else (kind,):
            for named in entries_of(self.root / each_kind):
                if is_name(named.name) and name in (None, named.name):
                    found += [Ref(each_kind, named.name, folder.name) for folder in _artifact_folders(named)]
        return [ref for _, ref in sorted(((self._created(ref), ref) for ref in found), reverse=True)]

    def _created(self, ref: Ref) -> str:
        """Return when an artifact was made, or the time of its damaged manifest, so that opening it can complain."""
        path = self.path(ref) / MANIFEST_NAME
        with suppress(OSError), path.open("rb") as file:
            if found := _CREATED.search(file.read(_CREATED_WITHIN)):
                return found[1].decode()
        try:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            return ""
        return changed.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _missing(self, wanted: PartialRef) -> MissingError:
        known = sorted({f"{ref.kind}/{ref.name}" for ref in self.refs()})
        place = f"{wanted.kind}/{wanted.name}"
        if place in known:
            keys = ", ".join(ref.key for ref in self.refs(wanted.kind, wanted.name))
            return MissingError(f"there is no artifact {wanted}", why=f"{place} has {keys}", next="brainflix store ls")
        why = suggest(place, known) or ("the store is empty" if not known else "")
        return MissingError(f"there is no artifact {wanted}", why=why, next="brainflix store ls")


def _artifact_folders(named: Path) -> list[Path]:
    return [folder for folder in entries_of(named) if is_key(folder.name) and _has_manifest(folder)]


def _has_manifest(folder: Path) -> bool:
    try:
        return (folder / MANIFEST_NAME).is_file()
    except OSError:
        # It may not be looked at: reading it says so, and by name.
        return True


def _ref_text(ref: Ref | str) -> str:
    return str(ref if isinstance(ref, Ref) else whole_ref(ref))
