"""Where studyforrest keeps its files: a table of parcels for each person and run, and the film in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainflix.io.fetch.files import RemoteFile

# Runs whose film is described.
RUNS = (1, 2, 4, 6, 8)
# The responses' own repository; that its tables lie there as plain files is an inference, nobody has asked the server.
_TABLES = "https://raw.githubusercontent.com/psychoinformatics-de/studyforrest-data-aggregate/9f0f805d"


def table_path(subject: int, run: int) -> Path:
    """Return where a run's table lies below the raw folder: a header of parcels, a line for each volume."""
    return Path(f"sub-{subject:02d}/sub-{subject:02d}_task-avmovie_run-{run}_bold.csv")


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return a subject's tables, with their addresses; what the film showed comes with brainflix."""
    if subject is None:
        return []
    return [RemoteFile(str(path), f"{_TABLES}/{path}") for path in (table_path(subject, run) for run in RUNS)]


def run_name(run: int) -> str:
    """Return what a run is called, which is also the name of its piece of film."""
    return f"run-{run}"
