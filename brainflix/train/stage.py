"""The door of `train`: rows of the training split in, a network out. It never sees a test row."""

from __future__ import annotations

from collections.abc import Mapping

from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Train the named phase and write weights, config and history."""
    from brainflix.trained.files import save_result

    result = find("train", job.part).load()(job, inputs, tools)
    save_result(out.path, result)
    out.notes |= {"epochs": len(result.history)}
