"""An imported checkpoint in the store: its ref, which the source's bytes and the options decide, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from brainflix.device import CPU
from brainflix.parts.find import find
from brainflix.parts.work import Work
from brainflix.store.keys import artifact_key
from brainflix.store.refs import KEY_DIGITS, Ref

if TYPE_CHECKING:
    from brainflix.store.store import Store
    from brainflix.train.imports import Imported

VERSION = 1
STAGE, STEP = "train", "import-checkpoint"


def read_checkpoint(kind: str, params: BaseModel, store: Store) -> Imported:
    """Read a checkpoint of a kind; raises as the kind's part does."""
    work = Work(store, lambda: CPU, ref=Ref("model", kind, "0" * KEY_DIGITS), stage=STAGE, step=STEP, part=kind)
    imported: Imported = find("checkpoint", kind).load()(params, {}, work)
    return imported


def imported_ref(kind: str, name: str, imported: Imported, options: Mapping[str, Any]) -> Ref:
    """Return the ref of an import; the same files and options give the same key wherever they lie."""
    identity = {"step": STEP, "kind": kind, "sha256": imported.digest, "options": dict(options)}
    return Ref("model", name, artifact_key("model", VERSION, identity, {}, ""))


def publish_import(store: Store, ref: Ref, kind: str, imported: Imported, options: Mapping[str, Any]) -> bool:
    """Publish an import as the network of a training, with no history; say whether it is new.

    Raises:
        ResourceError: the disk is full or not writable.
    """
    if store.has(ref):
        return False
    facts = {"part": kind, "step": STEP, "subject": None, "dataset": ""}
    parameters = {**options, **facts, "sha256": imported.digest, "window_tr": list(imported.window_tr)}
    with store.publish(ref, stage=STAGE, stage_version=VERSION, parameters=parameters, inputs={}) as out:
        out.notes |= imported.save(out.path)
    return True
