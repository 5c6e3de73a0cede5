"""Verifying: every byte of an artifact against its manifest, and every chunk against its crc32c."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.store.artifact import Artifact, read_manifest
from brainflix.store.belonging import key_problem
from brainflix.store.complete import ARRAYS, check_arrays_complete
from brainflix.store.disk import hash_file
from brainflix.store.manifest import MANIFEST_NAME, FileEntry, Manifest
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.store.whole import linked_folder, size_problem, strangers


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an artifact: the path inside it, and what is wrong there."""

    path: str
    what: str

    def __str__(self) -> str:
        """Return `path: what`."""
        return f"{self.path}: {self.what}"


def verify(store: Store, ref: Ref, *, crc: bool = True) -> list[Problem]:
    """Return everything that is wrong with an artifact; an empty list when it is exactly what was published.

    Args:
        store: where it is.
        ref: the artifact.
        crc: also decode each chunk of the arrays whose files are unchanged.

    Raises:
        MissingError: there is no such artifact.
    """
    folder = store.path(ref)
    try:
        manifest = read_manifest(folder, ref)
    except IntegrityError as error:
        return [Problem(MANIFEST_NAME, error.clause)]
    except MissingError:
        if folder.exists():
            return [Problem(MANIFEST_NAME, "is missing, so this is no artifact")]
        raise
    problem = key_problem(manifest)
    named = [Problem(MANIFEST_NAME, problem)] if problem else []
    return named + _verify_content(ref, folder, manifest, crc)


def _verify_content(ref: Ref, folder: Path, manifest: Manifest, crc: bool) -> list[Problem]:
    problems = verify_files(folder, manifest)
    if not problems:
        problems = _verify_completeness(folder)
    if not problems and crc and any(entry.path.startswith(f"{ARRAYS}/") for entry in manifest.files):
        problems = _verify_chunks(Artifact(ref, folder, manifest))
    return problems


def verify_files(folder: Path, manifest: Manifest) -> list[Problem]:
    """Return the files in `folder` that are missing, changed or not in the manifest, sorted by path."""
    found = [_changed(folder, entry) for entry in manifest.files]
    problems = [problem for problem in found if problem]
    linked = linked_folder(folder, manifest.files)
    problems += [Problem(linked, "is a link")] if linked else []
    problems += [
        Problem(path, "is not in the manifest") for path in strangers(folder, manifest.files) if path != linked
    ]
    return sorted(problems, key=lambda problem: problem.path)


def _changed(folder: Path, entry: FileEntry) -> Problem | None:
    problem = size_problem(folder, entry)
    if problem:
        return Problem(entry.path, problem)
    try:
        _, digest = hash_file(folder / entry.path)
    except OSError as error:
        return Problem(entry.path, f"cannot be read: {error.strerror}")
    return None if digest == entry.sha256 else Problem(entry.path, "has other content (SHA-256 differs)")


def _verify_completeness(folder: Path) -> list[Problem]:
    try:
        check_arrays_complete(folder)
    except (DataError, OSError, ValueError, KeyError) as error:
        return [Problem(ARRAYS, str(error))]
    return []


def _verify_chunks(artifact: Artifact) -> list[Problem]:
    from brainflix.store.arrays import row_blocks  # imports zarr, which listing must not pay for

    problems = []
    for name in artifact.names():
        try:
            array = artifact.array(name)
            for rows in row_blocks(array):
                array[rows]
        except Exception as error:
            problems.append(Problem(f"{ARRAYS}/{name}", f"cannot be decoded: {error}"))
    return problems
