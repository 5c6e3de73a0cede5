"""Read scored runs to compare: artifacts of `evaluate`, and documents of `score --out`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brainflix.errors import DataError
from brainflix.evaluate.blocks import BLOCK_S, block_clusters
from brainflix.evaluate.leaderboard import Run
from brainflix.evaluate.protocols import SCHEMA
from brainflix.store.schema import Clips
from brainflix.wording import count

if TYPE_CHECKING:
    from brainflix.store.artifact import Artifact
    from brainflix.store.store import Store

# The first scorer whose artifacts say it.
NEIGHBOURS = 7
WEIGHTS = "weights of "
PER_CLIP = "per_clip/"


def read_run(text: str, store: Callable[[], Store]) -> Run:
    """Read one run: a file that `score --out` wrote, or else the ref of an artifact.

    Raises:
        MissingError: there is neither.
        DataError: it holds no scores, or too few words about them.
    """
    path = Path(text)
    return _of_document(path) if path.is_file() else _of_artifact(store().open(text), store)


def _of_document(path: Path) -> Run:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is no document of scores", why=str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("scores"), dict):
        raise DataError(f"{path} is no document of scores", next="write one with brainflix score --out")
    if document.get("schema") != SCHEMA:
        what = f"{path} is of an older brainflix, whose intervals and p do not compare"
        raise DataError(what, why=f"its schema is {document.get('schema')}, not {SCHEMA}", next="score again")
    try:
        return _run_of(path, document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path} is no document of scores", why=why, next="score again") from error


def _run_of(path: Path, document: dict[str, Any]) -> Run:
    """Return the run of a document, whose fields need not be there."""
    scores, protocol = document["scores"], document["protocol"]
    own = {
        name: np.array([np.nan if v is None else v for v in line["per_clip"]], np.float64)
        for name, line in scores.items()
    }
    plain = {
        **document,
        "protocol": protocol["name"] + (" --bug-compat" if protocol["bug_compat"] else ""),
        "primary": [name for name, line in scores.items() if line["primary"]],
    }
    return Run(
        name=str(path),
        document=plain,
        per_clip=own,
        truth=(str(document["truth"]["sha256"]),),
        made=_made(document, protocol),
        blocks=np.array(document["blocks"], np.int64),
    )


def _of_artifact(artifact: Artifact, store: Callable[[], Store]) -> Run:
    if artifact.ref.kind != "scores" or not (artifact.path / "scores.json").is_file():
        raise DataError(f"{artifact.ref} is not scores", next="brainflix store ls scores")
    document, manifest = artifact.json("scores.json"), artifact.manifest
    names = [name.removeprefix(PER_CLIP) for name in artifact.names() if name.startswith(PER_CLIP)]
    says = "compared" in document
    if says:
        truth: tuple[str, ...] = (str(document["truth"]["sha256"]),)
        made = _made(document, document["compared"])
        if int(document["scorer"]) < NEIGHBOURS:
            blocks = _blocks(artifact, document, tuple(manifest.inputs.get("truth", ())), store)
        else:
            blocks = np.array(document["blocks"], np.int64)
    else:
        # Of before documents said it: the same artifacts as truth, and the same weights by the manifest.
        truth = tuple(manifest.inputs.get("truth", ()))
        weights = {name: str(manifest.parameters.get(name, "")) for name in ("weights", "revision", "checkpoints")}
        made = {"scorer": str(manifest.stage_version), **weights}
        blocks = _blocks(artifact, document, truth, store)
    return Run(
        name=f"{artifact.ref.name}@{artifact.ref.key}",
        document=document,
        per_clip={name: artifact.load(PER_CLIP + name) for name in names},
        truth=truth,
        made=made,
        blocks=blocks,
        dataset=str(manifest.parameters.get("dataset", "")),
        ref=str(artifact.ref),
    )


def _made(document: Mapping[str, Any], compared: Mapping[str, Any]) -> dict[str, str]:
    """Return what numbers depend on beside clips and protocol."""
    size = f"{count(compared['n_frames'], 'frame')} of {compared['width']}x{compared['height']}"
    weights = {f"{WEIGHTS}{key}": str(each["revision"]) for key, each in document["checkpoints"].items()}
    return {"scorer": str(document["scorer"]), "frames and size": size, **weights}


def _blocks(
    artifact: Artifact, document: Mapping[str, Any], truth: tuple[str, ...], store: Callable[[], Store]
) -> np.ndarray[Any, Any]:
    """Return the stimulus block of each clip, as long as the evaluation's blocks were."""
    if not truth:
        raise DataError(f"{artifact.ref} does not name its truth", next="score it again")
    clips = Clips.load(store().open(truth[0]))
    clips = clips.take(clips.places(document["clip_ids"]))
    block_s = float(artifact.manifest.parameters.get("block_s", BLOCK_S))
    return block_clusters(clips.segment, clips.onset_s, block_s)
