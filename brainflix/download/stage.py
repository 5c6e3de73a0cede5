"""The door of `download`: one raw artifact for the stimuli, one for each subject."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from brainflix.download.intake import collect, copy_with_time, waiting_folder
from brainflix.download.provenance import write_provenance
from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.dataset import Dataset
from brainflix.parts.lazy import load
from brainflix.parts.work import Work
from brainflix.progress import Track, untracked

if TYPE_CHECKING:
    from brainflix.io.fetch.files import Listing

VERSION = 1


def run(part: Dataset, params: BaseModel, inputs: Inputs, work: Work) -> RawFiles | MadeFiles:
    """Bring the raw files of the stimuli or of one subject together."""
    plain = params.model_dump(mode="json")
    if part.fetch:
        return MadeFiles(part, plain, work.subject, work.progress.track)
    folder, listing = collect(part, plain, work.subject, work.intake, work.progress)
    if part.check:
        load(part.check)(folder, plain, work.subject)
    return RawFiles(part, listing, folder, work)


@dataclass(frozen=True)
class MadeFiles:
    """The files of an embedded data set, which are made where the artifact is; `track` counts them."""

    dataset: Dataset
    params: dict[str, Any]
    subject: int | None
    track: Track = untracked

    def save(self, folder: Path) -> Notes:
        """Make them."""
        make = load(self.dataset.fetch)
        counts = {"track": self.track} if "track" in signature(make).parameters else {}
        make(self.params, self.subject, folder, **counts)
        return _terms(self.dataset, self.subject)


@dataclass(frozen=True)
class RawFiles:
    """Files that came from elsewhere; they wait in a folder of their own until the artifact stands."""

    dataset: Dataset
    listing: Listing
    waiting: Path
    work: Work

    def save(self, folder: Path) -> Notes:
        """Let the artifact share the files, and say where each came from."""
        write_provenance(self.dataset, self.listing, self.waiting, folder, self.work.intake)
        for file in self.listing.files:
            place = folder / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(self.waiting / file.path, place)
        left_out = {"left_out": list(self.listing.left_out)} if self.listing.left_out else {}
        counts = {"n_files": len(self.listing.files), "commit": self.listing.commit}
        return {**_terms(self.dataset, self.work.subject), **counts, **left_out}

    def clear(self) -> None:
        """Delete what waited."""
        shutil.rmtree(waiting_folder(self.dataset, self.work.subject, self.work.intake.folder), ignore_errors=True)


def _terms(dataset: Dataset, subject: int | None) -> Notes:
    return {"licence": dataset.licence, "access": dataset.access_of(subject), "simulated": dataset.simulated}


def _link(source: Path, place: Path) -> None:
    """Let the artifact share the file's bytes: a crash before it is published must not cost the download."""
    try:
        os.link(source, place)
    except OSError:
        # Some file systems know no hard links.
        copy_with_time(source, place)
