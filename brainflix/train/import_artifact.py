"""An imported checkpoint in the store: its ref, which the source's bytes and the options decide, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.trained.files import save_result

if TYPE_CHECKING:
    from brainflix.store.store import Store
    from brainflix.train.imports import Imported

VERSION = 1
STAGE, STEP = "train", "import-checkpoint"
_SCALED = "rows are only padded, not scaled: give it rows that are z-scored (mean 0, standard deviation 1)"


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
    with store.publish(
        ref, stage=STAGE, stage_version=VERSION, parameters=parameters, inputs={}, notes=notes_of(imported)
    ) as out:
        save_result(out.path, imported.result)
    return True


def notes_of(imported: Imported) -> dict[str, Any]:
    """Return what people should know of an import."""
    return {
        "source": [str(path) for path in imported.files],
        "rows": _SCALED,
        "settings": dict(imported.settings),
    }
