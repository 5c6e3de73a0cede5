"""The door of `download`: one raw artifact for the stimuli, one for each subject."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from brainflix.download.intake import collect, waiting_folder
from brainflix.download.provenance import write_provenance
from brainflix.parts.contract import Job, Tools
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import find
from brainflix.parts.lazy import load
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Bring the raw files of the stimuli or of one subject below `out.path`."""
    dataset: Dataset = find("dataset", job.dataset).load()
    out.notes |= {"licence": dataset.licence, "access": dataset.access, "simulated": dataset.simulated}
    if dataset.fetch:
        load(dataset.fetch)(job.params, job.subject, out.path)
        return
    folder, listing = collect(dataset, job.params, job.subject, tools.intake, tools.progress)
    if dataset.check:
        load(dataset.check)(folder, job.params, job.subject)
    write_provenance(dataset, listing, folder, out.path, tools.intake)
    for file in listing.files:
        place = out.path / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(folder / file.path, place)
    out.notes |= {"n_files": len(listing.files), "commit": listing.commit}


def finished(job: Job, tools: Tools) -> None:
    """Delete what waited, once the artifact stands."""
    dataset: Dataset = find("dataset", job.dataset).load()
    if not dataset.fetch:
        shutil.rmtree(waiting_folder(dataset, job.subject, tools.intake.folder), ignore_errors=True)


def _link(source: Path, place: Path) -> None:
    """Let the artifact share the file's bytes: a crash before it is published must not cost the download."""
    try:
        os.link(source, place)
    except OSError:
        # Some file systems know no hard links.
        shutil.copyfile(source, place)
