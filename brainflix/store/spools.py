"""Where what is done of an artifact waits until all is: `<store>/.spool/<kind>/<name>/<key>`, one folder for each.

In it stands a folder for the inputs as they are and for what computes: software, device and its switches. An input that
was deleted and made again has the same key, and perhaps other last digits, and so has what another device or another
version computes: the old is not mixed with the new.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from brainflix.store import disk
from brainflix.store.artifact import Artifact
from brainflix.store.provenance import source_digest, versions
from brainflix.store.refs import KINDS, Ref, is_key, is_name

SPOOL = ".spool"
# Of the digest that names the folder of some inputs.
_DIGITS = 16


def spool_folder(root: Path, ref: Ref) -> Path:
    """Return where everything waits that is done of the artifact `ref`, in the store at `root`."""
    return root / SPOOL / ref.kind / ref.name / ref.key


def rows_folder(root: Path, ref: Ref, inputs: Iterable[Artifact], made_by: Mapping[str, object]) -> Path:
    """Return where what is computed of `ref` from these very inputs, by this very software and machine, waits.

    Args:
        root: folder of the store.
        ref: the artifact.
        inputs: what is read; their order does not matter.
        made_by: what else changes last digits, such as device and precision, as JSON values.
    """
    digest = hashlib.sha256()
    said = {"versions": versions(), "source": source_digest(), "by": dict(made_by)}
    digest.update(json.dumps(said, sort_keys=True, default=str).encode())
    for artifact in sorted(inputs, key=lambda each: each.ref):
        digest.update(f"{artifact.ref}\n".encode())
        for entry in artifact.manifest.files:
            digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
    return spool_folder(root, ref) / digest.hexdigest()[:_DIGITS]


def clear_spool(root: Path, ref: Ref) -> None:
    """Delete what waits for `ref`, and the folders that this empties; a process that reads it is not disturbed."""
    folder = spool_folder(root, ref)
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent, root / SPOOL):
        try:
            parent.rmdir()
        except OSError:
            return


def spooled_refs(root: Path) -> Iterator[Ref]:
    """Yield each artifact that something waits for."""
    for kind in KINDS:
        for named in disk.entries_of(root / SPOOL / kind):
            if is_name(named.name):
                yield from (Ref(kind, named.name, each.name) for each in disk.entries_of(named) if is_key(each.name))
