"""Why a job is not cached: the first thing in which it differs from what is in the store."""

from __future__ import annotations

from importlib import import_module

from brainflix.engine.job import Job
from brainflix.errors import IntegrityError
from brainflix.store.diff import first_difference
from brainflix.store.store import Store


def what_changed(job: Job, store: Store) -> str:
    """Return the first thing in which a job differs from the newest artifact of its name, best of its own recipe."""
    refs = store.refs(job.ref.kind, job.ref.name)
    if not refs:
        return f"there is no {job.ref.kind}/{job.ref.name} yet"
    manifests = []
    for ref in refs:
        try:
            manifests.append(store.manifest(ref))
        except IntegrityError:
            return f"{ref} is damaged: brainflix store verify {ref}"
    # Recipes on one data set share names; what this one made before tells more than what another made last.
    manifest = next((each for each in manifests if each.recipe == job.recipe), manifests[0])
    older = f"{manifest.ref}" if manifest.recipe == job.recipe else f"{manifest.ref} of {manifest.recipe}"
    older += f", run {manifest.experiment!r}" if manifest.experiment else ""
    coming = {
        "stage": job.stage,
        "kind": job.ref.kind,
        "parameters": job.recorded(),
        "inputs": job.inputs,
        "stage_version": import_module(f"brainflix.{job.stage}.stage").VERSION,
        "dataset_revision": job.revision,
    }
    difference = first_difference(manifest, coming)
    if difference is not None:
        return f"{difference} (since {older})"
    if manifest.seed != job.seed:
        return f"seed: {manifest.seed} -> {job.seed} (since {older})"
    # All choices are the same, and the key is not: only how a key is made can differ.
    return f"no choice, but the way keys are made (since {older})"
