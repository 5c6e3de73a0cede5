"""The sample that comes with brainflix: four people's parcels and what the film showed, under PDDL 1.0 and CC0 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS, table_path

_HERE = Path(__file__).parent
FILM, BOLD = _HERE / "film.npz", _HERE / "bold.npz"


def shared_parcels() -> np.ndarray:
    """Return the labels of the parcels that all 15 people share, ascending, (267,)."""
    with np.load(BOLD) as bold:
        labels: np.ndarray = bold["roi"]
    return labels


def write(params: Mapping[str, Any], subject: int | None, folder: Path) -> None:
    """Write the sample's tables of one subject as the repository has them; the film's numbers stay where they are."""
    if subject is None:
        (folder / "film.txt").write_text("The described film comes with brainflix: see its manifest for the split.\n")
        return
    with np.load(BOLD) as bold:
        place = bold["subjects"].tolist().index(subject)
        for run in RUNS:
            write_table(folder / table_path(subject, run), bold["roi"], bold[f"run{run}"][place])


def write_table(path: Path, labels: np.ndarray, rows: np.ndarray) -> None:
    """Write a run as the repository has it: a header of parcels, and a line for each volume.

    Nine digits give back each value of single or half precision to the bit.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    header = ",".join(map(str, labels.tolist()))
    np.savetxt(path, rows, "%.9g", ",", header=header, comments="", encoding="utf-8")
