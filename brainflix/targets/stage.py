"""The door of `extract-targets`: one artifact per target, for all clips."""

from __future__ import annotations

from collections.abc import Mapping

from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.spools import clear_spool
from brainflix.store.store import Artifact

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Let the named extractor write its target."""
    dataset = find("dataset", job.dataset).load()
    extract = find("targets", job.part).load()
    out.notes |= extract(job, inputs, out.path, tools, dataset)


def finished(job: Job, tools: Tools) -> None:
    """Delete the rows that waited, once the artifact stands."""
    clear_spool(tools.store.root, job.ref)
