"""Whether files that a person gives again are still those that an artifact was made of.

An artifact's key says which data set, revision and parameters it is of, and not what its files hold: nobody knows that
before they are read. So files that have changed cannot become a second artifact beside the first, and everything made
of the first would be taken for theirs. They are refused, and named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from brainflix.download.intake import holder, opened, place_of, shared_ends, waiting_folder
from brainflix.download.provenance import FILE, archive_stamp
from brainflix.errors import IntegrityError, MissingError
from brainflix.io.fetch.annex import pointer_of
from brainflix.io.fetch.digest import digest_of
from brainflix.io.texts import readable
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Intake
from brainflix.store.artifact import Artifact
from brainflix.wording import few


def check_unchanged(
    dataset: Dataset, params: Mapping[str, Any], subject: int | None, artifact: Artifact, intake: Intake
) -> None:
    """Compare the files of `intake.source` with those of the artifact that was made of them.

    Files whose size and time are those of the artifact's count as equal; others are hashed. Files that are not in the
    folder any more, or under another name, are no change.

    Raises:
        IntegrityError: a file differs, or one is there that the artifact would hold.
    """
    source = intake.source
    if source is None or dataset.fetch or not source.exists() or _is_same_archive(artifact, source):
        return
    with opened(source, waiting_folder(dataset, subject, intake.folder)) as given:
        changed = _differences(dataset, params, subject, artifact, given)
    if changed:
        who = "the stimuli" if subject is None else f"subject {subject}"
        raise IntegrityError(
            f"files of {who} of {dataset.name} have changed since {artifact.ref} was made: {few(changed)}",
            why="what was made of the old files would be taken for theirs, so that both cannot be in one store",
            next="the same command with --store OTHER, which takes the files as they are now",
        )


def _differences(
    dataset: Dataset, params: Mapping[str, Any], subject: int | None, artifact: Artifact, given: Path
) -> list[str]:
    """Return the paths of the files that differ from the artifact's."""
    shared = shared_ends(dataset, params, subject)
    try:
        folder, files, _ = holder(dataset, params, subject, given, shared)
    except MissingError:
        # Nothing is given anew.
        return []
    known = {entry.path: entry for entry in artifact.manifest.files}
    held = {entry.sha256 for entry in known.values()}
    changed = []
    for file in files:
        place = place_of(folder, file.path, shared)
        if place is None or pointer_of(place):
            continue
        entry = known.get(file.path)
        if entry is None:
            if _sha256(place) not in held:
                changed.append(f"{file.path} (new)")
        elif not _is_same(place, artifact.path / file.path, entry.size, entry.sha256):
            changed.append(file.path)
    return changed


def _is_same(place: Path, kept: Path, size: int, sha256: str) -> bool:
    state = place.stat()
    if state.st_size != size:
        return False
    return (kept.is_file() and state.st_mtime_ns == kept.stat().st_mtime_ns) or _sha256(place) == sha256


def _sha256(place: Path) -> str:
    with readable(place):
        return digest_of(place).partition(":")[2]


def _is_same_archive(artifact: Artifact, source: Path) -> bool:
    """Say whether the source is the archive that the artifact was made of, by size and time."""
    if not source.is_file():
        return False
    known: Collection[Any] = artifact.json(FILE).get("archive") or ()
    return list(known) == archive_stamp(source)
