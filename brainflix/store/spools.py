"""Where rows wait for an artifact that is being made: `<store>/.spool/<kind>/<name>/<key>`, one folder for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from brainflix.store import disk
from brainflix.store.refs import KINDS, Ref, is_key, is_name

SPOOL = ".spool"


def spool_folder(root: Path, ref: Ref) -> Path:
    """Return where the rows of the artifact `ref` wait in the store at `root`."""
    return root / SPOOL / ref.kind / ref.name / ref.key


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
    """Yield each artifact that rows wait for."""
    for kind in KINDS:
        for named in disk.entries_of(root / SPOOL / kind):
            if is_name(named.name):
                yield from (Ref(kind, named.name, each.name) for each in disk.entries_of(named) if is_key(each.name))
