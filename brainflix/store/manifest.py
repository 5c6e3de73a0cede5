"""The manifest: what an artifact is, what made it, and the size and SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from brainflix.errors import BrainflixError, IntegrityError
from brainflix.store.keys import canonical_json
from brainflix.store.refs import Ref

SCHEMA = 1
MANIFEST_NAME = "manifest.json"
# The note that holds the label of the run that made an artifact.
EXPERIMENT = "experiment"


@dataclass(frozen=True)
class FileEntry:
    """One file of an artifact: its path inside the artifact (with `/`), its size in bytes and its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything that is recorded of one artifact; `digest` is the SHA-256 of all other fields, so an edit is found."""

    kind: str
    name: str
    key: str
    stage: str
    stage_version: int
    parameters: Mapping[str, Any]
    inputs: Mapping[str, tuple[str, ...]]
    dataset_revision: str = ""
    recipe: str = ""
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    device: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 0.0
    created: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()
    schema: int = SCHEMA

    @property
    def ref(self) -> Ref:
        """The ref of the artifact."""
        return Ref(self.kind, self.name, self.key)

    @property
    def size(self) -> int:
        """Bytes of all files together, without the manifest."""
        return sum(entry.size for entry in self.files)

    @property
    def experiment(self) -> str:
        """The label of the run that made it, or an empty string."""
        return str(self.notes.get(EXPERIMENT, ""))

    def to_json(self) -> str:
        """Return the manifest as JSON text, ending in a newline."""
        body = _plain_body(self)
        return json.dumps({**body, "digest": _digest(body)}, indent=1, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "manifest") -> Manifest:
        """Read a manifest, checking its schema, every field's type, its file paths and its digest.

        Raises:
            IntegrityError: the text is not a manifest of this schema, or was changed after it was written.
        """
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise IntegrityError(f"{where} is not JSON", why=str(error), next="brainflix store verify") from error
        found = body.get("schema") if isinstance(body, dict) else type(body).__name__
        if found != SCHEMA or isinstance(found, bool):
            raise IntegrityError(f"{where} has an unknown schema", why=f"found {found!r}, this version reads {SCHEMA}")
        try:
            digest = body.pop("digest", None)
            if digest != _digest(body):
                raise IntegrityError(f"{where} was changed after it was written", why="its digest does not match")
            return cls(**_checked_fields(body))
        except IntegrityError:
            raise
        except (BrainflixError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise IntegrityError(f"{where} is not a manifest", why=f"{type(error).__name__}: {error}") from error


def plain_notes(value: object) -> Any:
    """Return `value` with a JSON form whatever it holds: a note must never cost the work that it describes.

    Numbers that are not finite and values of other types become text.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain_notes(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain_notes(item) for item in value]
    return str(value)


def is_safe_path(path: str) -> bool:
    """Tell whether `path` stays inside its artifact: relative, with `/`, without empty, `.` or `..` steps."""
    steps = path.split("/")
    return all(steps) and not {".", ".."} & set(steps) and "\\" not in path and "\0" not in path and ":" not in steps[0]


def _plain_body(manifest: Manifest) -> dict[str, Any]:
    body = asdict(manifest)
    body["inputs"] = {role: list(refs) for role, refs in manifest.inputs.items()}
    body["files"] = [asdict(entry) for entry in manifest.files]
    return body


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body).encode("ascii")).hexdigest()


def _checked_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(Manifest)}
    if set(body) != names:
        raise ValueError(f"fields missing or unknown: {', '.join(sorted(names ^ set(body)))}")
    for name in ("kind", "name", "key", "stage", "dataset_revision", "recipe", "created"):
        _expect(name, body[name], str)
    for name in ("parameters", "inputs", "versions", "device", "notes"):
        _expect(name, body[name], dict)
    for name in ("stage_version", "seed"):
        _expect(name, body[name], int)
    _expect("wall_s", body["wall_s"], (int, float))
    Ref(body["kind"], body["name"], body["key"])
    return {
        **body,
        "inputs": {role: tuple(_expect(role, ref, str) for ref in refs) for role, refs in body["inputs"].items()},
        "files": tuple(_file_entry(each) for each in _expect("files", body["files"], list)),
    }


def _file_entry(body: Any) -> FileEntry:
    entry = FileEntry(**_expect("files", body, dict))
    if not is_safe_path(_expect("path", entry.path, str)):
        raise ValueError(f"file path {entry.path!r} leaves the artifact")
    if _expect("size", entry.size, int) < 0 or len(_expect("sha256", entry.sha256, str)) != 64:
        raise ValueError(f"file {entry.path!r} has a bad size or hash")
    return entry


def _expect(name: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value
