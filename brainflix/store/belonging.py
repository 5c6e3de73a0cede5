"""Whether an artifact's key belongs to it: the key is made again of what the manifest records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brainflix.store.keys import artifact_key, keyed_parameters
from brainflix.store.manifest import Manifest
from brainflix.store.refs import KINDS

# Raw files do not depend on a recipe's seed.
_SEEDLESS = "download"
_IMPORT = "import-checkpoint"


def key_problem(manifest: Manifest) -> str:
    """Return why a key does not belong to the parameters and inputs beside it, or "".

    Who publishes from a program of their own may choose any key: only what jobs, imports and trainings record is looked
    at.
    """
    recorded = manifest.parameters
    if not {"part", "step", "subject"} <= set(recorded) and "job_key" not in recorded:
        return ""
    inputs = {role: [_key_of(text) for text in texts] for role, texts in manifest.inputs.items()}
    # A further output has the key of the main one, which may be of another kind.
    kinds = (manifest.kind, *(kind for kind in KINDS if kind != manifest.kind))
    made = [
        artifact_key(kind, manifest.stage_version, parameters, inputs, manifest.dataset_revision)
        for parameters in _identities(manifest)
        for kind in kinds
    ]
    if manifest.key in made:
        return ""
    return f"its key does not belong to its parameters and inputs: they make {made[0]}"


def _identities(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield what may have been hashed, the likeliest first."""
    recorded = manifest.parameters
    if recorded.get("step") == _IMPORT:
        # Where its files lie and which rows they read follow from the files.
        options = dict(keyed_parameters(recorded, None)["params"])
        digest = options.pop("sha256", "")
        options.pop("window_tr", None)
        yield {"step": _IMPORT, "kind": recorded["part"], "sha256": digest, "options": options}
    elif "part" in recorded:
        yield keyed_parameters(recorded, None if manifest.stage == _SEEDLESS else manifest.seed)
    yield recorded


def _key_of(text: str) -> str:
    """Return the key of a ref; one that is no ref has none, and so belongs to nothing."""
    return text.rpartition("@")[2]
