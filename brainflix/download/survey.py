"""What a download would cost, before its first byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brainflix.download.intake import waiting_folder
from brainflix.download.packed import package_place
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Intake


@dataclass(frozen=True)
class Survey:
    """The files of the stimuli or of one subject.

    Attributes:
        n_files: how many there are.
        n_waiting: how many of them are there already, whole.
        n_by_hand: how many of the others only a person can bring.
        n_unknown: how many of those to fetch have an unknown size.
        fetch_bytes: bytes to fetch, of the files whose size is known.
    """

    n_files: int
    n_waiting: int
    n_by_hand: int
    n_unknown: int
    fetch_bytes: int


def survey(dataset: Dataset, params: Mapping[str, Any], subject: int | None, intake: Intake) -> Survey:
    """Count the files of the stimuli (subject None) or of a subject; nothing is fetched but a server's list.

    Raises:
        MissingError: the list is on a server that cannot be reached.
    """
    if dataset.fetch:
        return Survey(0, 0, 0, 0, 0)
    folder = waiting_folder(dataset, subject, intake.folder)
    named = dataset.named_files(params, subject)
    files = named if intake.offline else dataset.listed_files(params, subject).files
    coming = [file for file in files if not (file.optional or (folder / file.path).is_file())]
    package = dataset.package_of(subject, "") if intake.source is None else None
    fetched = [file for file in coming if file.url]
    packed = [package.file] if package and not package_place(package, folder).is_file() else []
    return Survey(
        n_files=len(files),
        n_waiting=len(files) - len(coming),
        n_by_hand=0 if package else len(coming) - len(fetched),
        n_unknown=sum(file.size is None for file in fetched + packed),
        fetch_bytes=sum(file.size or 0 for file in fetched + packed),
    )
