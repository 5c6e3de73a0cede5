"""The door of `download`: one raw artifact for the stimuli, one for each subject."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Bring the raw files of the stimuli or of one subject below `out.path`."""
    dataset: Dataset = registry.find("dataset", job.dataset).load()
    module, _, function = dataset.fetch.partition(":")
    getattr(import_module(module), function)(job.params, job.subject, out.path)
    out.notes |= {"licence": dataset.licence, "access": dataset.access, "simulated": dataset.simulated}
