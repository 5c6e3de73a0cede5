"""An artifact that was opened: its manifest, its files, its arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.errors import IntegrityError, MissingError, ResourceError
from brainflix.store.complete import ARRAYS, METADATA
from brainflix.store.disk import REFUSALS, resource_error
from brainflix.store.manifest import MANIFEST_NAME, FileEntry, Manifest
from brainflix.store.refs import Ref
from brainflix.store.whole import changed_file, linked_folder, size_problem, strangers
from brainflix.wording import format_bytes, suggest

if TYPE_CHECKING:
    import numpy as np
    import zarr


@dataclass(frozen=True)
class Artifact:
    """A published artifact whose manifest was read and whose files were found with the right sizes.

    What its methods read is compared with the manifest's SHA-256 first, once in a process. Only `array` leaves that to
    the checksums of the chunks, since nobody knows which of them will be read.
    """

    ref: Ref
    path: Path
    manifest: Manifest

    def __str__(self) -> str:
        """Return the ref."""
        return str(self.ref)

    def __repr__(self) -> str:
        """Return the ref, the arrays with their shapes, and the size."""
        named = (f"{name} {self.array(name).shape}" for name in self.names())
        return f"Artifact({self.ref}: {', '.join(named) or 'no arrays'}; {format_bytes(self.manifest.size)})"

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return every array by its name, in memory; raises as `load`."""
        return {name: self.load(name) for name in self.names()}

    def frames(self) -> np.ndarray[Any, Any]:
        """Return the frames of videos, uint8 (n_clips, n_frames, height, width, 3).

        Raises:
            MissingError: the artifact holds no videos.
            IntegrityError: a chunk is absent or damaged.
        """
        return self.load("frames")

    def names(self) -> tuple[str, ...]:
        """Return the names of the arrays, sorted (`response`, `stats/reliability`, …)."""
        start, end = f"{ARRAYS}/", f"/{METADATA}"
        nodes = [each.path for each in self.manifest.files if each.path.startswith(start) and each.path.endswith(end)]
        return tuple(sorted(path[len(start) : -len(end)] for path in nodes if self._is_array(path)))

    def array(self, name: str) -> zarr.Array[Any]:
        """Return one array as a zarr array, to read in parts; a damaged chunk then raises zarr's own ValueError.

        Every chunk is compared with its crc32c alone; call `check_bytes` before, if files may have been exchanged.

        Raises:
            MissingError: the artifact has no such array.
            IntegrityError: a file of the array is absent or has another size.
        """
        import zarr

        from brainflix.store.chunk_limits import check_chunks

        if name not in self.names():
            why = suggest(name, self.names()) or f"it has {', '.join(self.names()) or 'no arrays'}"
            raise MissingError(f"{self.ref} has no array {name!r}", why=why, next=f"brainflix store show {self.ref}")
        self.check_files(f"{ARRAYS}/{name}/")
        folder = self.path / ARRAYS / name
        try:
            array = zarr.open_array(folder, mode="r")
            check_chunks(array, folder, name)
            return array
        except Exception as error:
            raise self._damaged(f"array {name!r} cannot be opened", error) from error

    def load(self, name: str) -> np.ndarray[Any, Any]:
        """Return one whole array in memory, its files checked by their SHA-256 and each chunk by its crc32c.

        Raises:
            MissingError: the artifact has no such array.
            IntegrityError: a chunk is absent or damaged.
            ResourceError: the array does not fit into memory.
        """
        import numpy as np

        from brainflix.store.row_files import read_rows

        array = self.array(name)
        self.check_bytes(f"{ARRAYS}/{name}/")
        try:
            rows = read_rows(array, self.path / ARRAYS / name)
            return np.asarray(array[...]) if rows is None else rows
        except MemoryError as error:
            need = f"it needs {array.nbytes / 1e9:.1f} GB of memory"
            raise ResourceError(f"array {name!r} of {self.ref} does not fit", why=need) from error
        except Exception as error:
            raise self._damaged(f"array {name!r} cannot be read", error) from error

    def rows(self, name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        """Return the rows `start` to before `stop` of one array in memory; only their files are read and checked.

        Raises:
            MissingError: the artifact has no such array.
            IntegrityError: a chunk is absent or damaged.
        """
        import numpy as np

        from brainflix.store.row_files import read_rows

        array = self.array(name)
        for number in _files_of_rows(array, start, stop):
            # A file lies at its number, or in a folder of that number where arrays have more than one axis.
            self.check_bytes(f"{ARRAYS}/{name}/c/{number}" + ("/" if array.ndim > 1 else ""))
        try:
            found = read_rows(array, self.path / ARRAYS / name, start, stop)
            return np.asarray(array[start:stop]) if found is None else found
        except MemoryError:
            raise
        except Exception as error:
            raise self._damaged(f"array {name!r} cannot be read", error) from error

    def file(self, relpath: str) -> Path:
        """Return the path of one file of the artifact, given its path inside, after comparing its bytes.

        Raises:
            MissingError: the artifact has no such file.
            IntegrityError: the file was changed, or replaced by something else.
        """
        self._compare([self._entry(relpath)])
        return self.path / relpath

    def json(self, filename: str) -> Any:
        """Return the content of one JSON file of the artifact.

        Raises:
            MissingError: the artifact has no such file.
            IntegrityError: the file was changed, or is not JSON.
        """
        self._check_sizes([self._entry(filename)])
        try:
            text = (self.path / filename).read_bytes()
            # crc32c guards chunks only; text and array metadata are small enough for their SHA-256
            if hashlib.sha256(text).hexdigest() != self._entry(filename).sha256:
                raise self._damaged(f"{filename} has other content than was published", None)
            return json.loads(text)
        except (OSError, ValueError) as error:
            raise self._damaged(f"{filename} cannot be read", error) from error

    def check_files(self, prefix: str = "") -> None:
        """Check that each file (whose path starts with `prefix`) is there with the size that the manifest gives.

        Raises:
            IntegrityError: a file is absent, a link, or of another size; it is named.
        """
        self._check_sizes([entry for entry in self.manifest.files if entry.path.startswith(prefix)])

    def check_bytes(self, prefix: str = "") -> None:
        """Check that the bytes of each file (whose path starts with `prefix`) are those that were published.

        Raises:
            IntegrityError: a file was changed, or replaced by something else; it is named.
        """
        self._compare([entry for entry in self.manifest.files if entry.path.startswith(prefix)])

    def check_nothing_added(self) -> None:
        """Check that the artifact's folder holds nothing that the manifest does not know.

        Raises:
            IntegrityError: it does; the file is named.
        """
        added = strangers(self.path, self.manifest.files)
        if added:
            advice = f"delete {self.path / added[0]}, then run again"
            raise IntegrityError(f"{self.ref} was changed: {added[0]} is not in its manifest", next=advice)

    def _check_sizes(self, entries: Sequence[FileEntry]) -> None:
        linked = linked_folder(self.path, entries)
        if linked:
            raise self._damaged(f"{linked} is a link", None)
        for entry in entries:
            problem = size_problem(self.path, entry)
            if problem:
                raise self._damaged(f"{entry.path} {problem}", None)

    def _compare(self, entries: Sequence[FileEntry]) -> None:
        self._check_sizes(entries)
        try:
            changed = changed_file(self.path, entries)
        except OSError as error:
            if error.errno in REFUSALS:
                # The machine's fault, not the artifact's: nobody shall delete what is whole.
                raise resource_error(error, self.path, "read") from error
            raise self._damaged("a file cannot be read", error) from error
        if changed is not None:
            raise self._damaged(f"{changed.path} has other content than was published", None)

    def _entry(self, relpath: str) -> FileEntry:
        for entry in self.manifest.files:
            if entry.path == relpath:
                return entry
        hint = suggest(relpath, [each.path for each in self.manifest.files])
        raise MissingError(f"{self.ref} has no file {relpath!r}", why=hint, next=f"brainflix store show {self.ref}")

    def _is_array(self, metadata: str) -> bool:
        return bool(self.json(metadata).get("node_type") == "array")

    def _damaged(self, what: str, error: Exception | None) -> IntegrityError:
        why = f"{type(error).__name__}: {error}" if error else ""
        again = f"brainflix run {self.manifest.recipe}" if self.manifest.recipe else "make it again"
        advice = f"brainflix store verify {self.ref} for the rest; brainflix store gc --remove {self.ref}, then {again}"
        return IntegrityError(f"{self.ref} is damaged: {what}", why=why, next=advice)


def _files_of_rows(array: zarr.Array[Any], start: int, stop: int) -> range:
    """Return the numbers, along the first axis, of the files that hold rows `start` to before `stop`."""
    rows = range(*slice(start, stop).indices(array.shape[0]))
    step = (array.shards or array.chunks)[0]
    return range(rows.start // step, (rows.stop - 1) // step + 1) if rows else range(0)


def read_manifest(folder: Path, ref: Ref) -> Manifest:
    """Read the manifest of the artifact in `folder` and check that it is the one of `ref`.

    Raises:
        MissingError: there is no artifact.
        IntegrityError: the manifest is torn, edited or belongs to another artifact.
    """
    try:
        text = (folder / MANIFEST_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError(f"there is no artifact {ref}", next="brainflix store ls") from None
    except OSError as error:
        raise IntegrityError(f"the manifest of {ref} cannot be read", why=str(error)) from error
    try:
        manifest = Manifest.from_json(text, where=f"the manifest of {ref}")
    except IntegrityError as error:
        advice = f"brainflix store gc --remove {ref}, then make it again"
        raise IntegrityError(error.what, why=error.why, next=error.next or advice) from error
    if manifest.ref != ref:
        why, advice = "a folder was moved or renamed", f"move {folder} to where it was"
        raise IntegrityError(f"the folder of {ref} holds {manifest.ref}", why=why, next=advice)
    return manifest


def artifact_in(folder: Path) -> Artifact | None:
    """Return the artifact that lies in a folder, in a store or out of it; None where there is no manifest.

    Raises:
        IntegrityError: the manifest is torn or edited.
    """
    try:
        text = (folder / MANIFEST_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    manifest = Manifest.from_json(text, where=f"the manifest in {folder}")
    return Artifact(manifest.ref, folder, manifest)
