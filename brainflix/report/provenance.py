"""What ran: the manifests of the inputs and of everything that they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brainflix.errors import BrainflixError
from brainflix.parts.stages import STAGES
from brainflix.store.artifact import Artifact
from brainflix.store.manifest import Manifest
from brainflix.store.refs import whole_ref
from brainflix.store.store import Store


@dataclass(frozen=True)
class Ran:
    """One artifact and what made it; `versions` are of the process that did, `experiment` is its run's label or ""."""

    stage: str
    step: str
    part: str
    subject: int | None
    ref: str
    wall_s: float
    seed: int
    device: str
    device_reason: str
    created: str
    size: int
    versions: Mapping[str, str]
    experiment: str


def lineage(inputs: Mapping[str, Sequence[Artifact]], store: Store) -> tuple[list[Ran], list[str]]:
    """Return every artifact that the report rests on, in the verbs' order, and a sentence for each that is gone."""
    found = {str(artifact.ref): artifact.manifest for artifacts in inputs.values() for artifact in artifacts}
    todo, lost = list(found.values()), []
    seen = set(found)
    while todo:
        for text in (text for refs in todo.pop().inputs.values() for text in refs):
            if text in seen:
                continue
            seen.add(text)
            try:
                manifest = store.manifest(whole_ref(text))
            except BrainflixError as error:
                lost.append(f"{text}: {' '.join(str(error).split())}")
                continue
            found[text] = manifest
            todo.append(manifest)
    return sorted((_ran(manifest) for manifest in found.values()), key=_order), lost


def _ran(manifest: Manifest) -> Ran:
    parameters = manifest.parameters
    device = manifest.device
    subject = parameters.get("subject")
    return Ran(
        stage=manifest.stage,
        # What subjects share a fit of stands behind a colon.
        step=str(parameters.get("step") or "").strip(":").replace(":", ", "),
        part=str(parameters.get("part") or ""),
        subject=subject if isinstance(subject, int) else None,
        ref=str(manifest.ref),
        wall_s=float(manifest.wall_s),
        seed=manifest.seed,
        device=", ".join(str(device[name]) for name in ("name", "dtype") if device.get(name)),
        device_reason=str(device.get("reason") or ""),
        created=manifest.created,
        size=manifest.size,
        versions=dict(manifest.versions),
        experiment=manifest.experiment,
    )


def _order(ran: Ran) -> tuple[int, str, int, str]:
    stages = list(STAGES)
    place = stages.index(ran.stage) if ran.stage in stages else len(stages)
    return place, ran.step, -1 if ran.subject is None else ran.subject, ran.ref


def merged_versions(ran: Sequence[Ran]) -> list[tuple[str, tuple[str, ...]]]:
    """Return each program with every version of it that took part, in the order of the first manifest that names it."""
    found: dict[str, dict[str, None]] = {}
    for each in ran:
        for name, version in each.versions.items():
            if version:
                found.setdefault(name, {})[version] = None
    return [(name, tuple(versions)) for name, versions in found.items()]
