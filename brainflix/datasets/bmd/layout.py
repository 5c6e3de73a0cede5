"""Where BOLD Moments keeps what is worth fetching, and its table of films."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.bmd.captions import captions
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.manifest import manifest_files
from brainflix.io.fetch.package import Package
from brainflix.store.clips import Clips

BUCKET = "https://s3.amazonaws.com/openneuro.org/ds005165"
# No digest is published.
ARCHIVE = RemoteFile(
    "stimulus_set.zip", "https://boldmomentsdataset.csail.mit.edu/stimuli_metadata/stimulus_set.zip", 3_261_964_337
)
# The archive holds some 94 000 frames beside the films.
FILMS = ("stimuli/train/*.mp4", "stimuli/test/*.mp4")
CAPTIONS = Path("derivatives/stimuli_metadata/annotations.json")
N_TRAIN, N_TEST = 1000, 102
N_VALIDATION = 100
LISTS = {
    "betas": "ds005165_1.0.4_versionB_fsLR32k_prepared",
    "bold": "ds005165_1.0.4_versionB_dtseries",
    "mni": "ds005165_1.0.4_versionB_MNI_roi",
}
# Localiser and rest runs are no part of the film experiment.
_TASKS = ("task-train", "task-test")


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the films, which come in an archive, and their captions; or a subject's files from the open bucket."""
    if subject is None:
        films = [RemoteFile(str(_film(number))) for number in range(1, N_TRAIN + N_TEST + 1)]
        return [*films, RemoteFile(str(CAPTIONS), f"{BUCKET}/{CAPTIONS}", optional=True)]
    wanted: list[RemoteFile] = []
    for what in params["what"]:
        wanted += manifest_files(LISTS[what], BUCKET, lambda path, what=what: _is_wanted(path, subject, what))  # type: ignore[misc]
    return wanted


def package(subject: int | None, secret: str) -> Package | None:
    """Return the archive of the films, whose members `secret` opens; subjects' files have addresses of their own."""
    return None if subject is not None else Package(ARCHIVE, FILMS, password=secret)


def _is_wanted(path: str, subject: int, what: str) -> bool:
    if f"/sub-{subject:02d}/" not in path:
        return False
    return what != "bold" or any(task in path for task in _TASKS)


def betas_path(subject: int, split: str) -> Path:
    """Return where a subject's estimates of the "train" or the "test" films lie."""
    return _prepared(subject) / f"sub-{subject:02d}_organized_betas_task-{split}_normalized.pkl"


def ceiling_path(subject: int, split: str, n: int) -> Path:
    """Return where the released noise ceiling of `n` repeats lies."""
    return _prepared(subject) / f"sub-{subject:02d}_noiseceiling_task-{split}_n-{n}.pkl"


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a clip; each clip is a film of its own."""
    return raw / _film(int(segment.removeprefix("vid")))


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of films; it needs no files, and takes the captions where they are."""
    numbers = range(1, N_TRAIN + N_TEST + 1)
    ids = tuple(f"vid{number:04d}" for number in numbers)
    split = np.repeat([0, 1, 2], [N_TRAIN - N_VALIDATION, N_VALIDATION, N_TEST])
    return Clips(
        ids=ids, segment=ids, onset_s=np.zeros(len(ids)), split=split, caption=captions(raw / CAPTIONS, numbers)
    )


def _prepared(subject: int) -> Path:
    return Path(f"derivatives/versionB/fsLR32k/GLM/sub-{subject:02d}/prepared_betas")


def _film(number: int) -> Path:
    return Path("stimuli") / ("train" if number <= N_TRAIN else "test") / f"{number:04d}.mp4"
