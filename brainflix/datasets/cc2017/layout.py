"""Where CC2017 keeps its files, and how to find them again. The demo writes the same layout.

Stimuli/video_fmri_dataset/stimuli/seg1.mp4 … test1.mp4 …
Subject01/video_fmri_dataset/subject1/fmri/seg1/cifti/seg1_1_Atlas.dtseries.nii …
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainflix.errors import DataError, MissingError
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.films import is_film

STIMULI = Path("Stimuli/video_fmri_dataset/stimuli")
CAPTIONS = Path("Stimuli/captions.json")
_SEGMENT = re.compile(r"(seg|test)(\d+)")
# The published run table: repeats of each segment, and the one run that does not exist.
REPEATS = {**{f"seg{n}": 2 for n in range(1, 19)}, **{f"test{n}": 10 for n in range(1, 6)}}
MISSING_RUN = (3, "test2", 9)
_RUN = re.compile(r"((?:seg|test)\d+)_(\d+)_Atlas\.dtseries\.nii")


@dataclass(frozen=True)
class RunFile:
    """One run: which segment was shown, which repeat it was, and the file."""

    segment: str
    repeat: int
    path: Path


def stimulus_path(segment: str) -> Path:
    """Return where a segment's video lies below the raw folder."""
    return STIMULI / f"{segment}.mp4"


def film_path(raw: Path, segment: str) -> Path:
    """Return the video that the clips of a segment are cut from."""
    return raw / stimulus_path(segment)


def run_path(subject: int, segment: str, repeat: int) -> Path:
    """Return where a run's CIFTI file lies below the raw folder; `repeat` counts from 1."""
    home = Path(f"Subject{subject:02d}/video_fmri_dataset/subject{subject}/fmri")
    return home / segment / "cifti" / f"{segment}_{repeat}_Atlas.dtseries.nii"


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the films and, if somebody made them, the captions; or a subject's runs by the published table.

    There are no direct addresses and no published digests: a person fetches the bundles.
    """
    if subject is None:
        films = [RemoteFile(str(stimulus_path(segment))) for segment in REPEATS]
        return [*films, RemoteFile(str(CAPTIONS), optional=True)]
    table = [(segment, repeat) for segment, count in REPEATS.items() for repeat in range(1, count + 1)]
    return [
        RemoteFile(str(run_path(subject, segment, repeat)))
        for segment, repeat in table
        if (subject, segment, repeat) != MISSING_RUN
    ]


def segment_order(segment: str) -> tuple[int, int]:
    """Sort key: training segments first, then test segments, each by number.

    Raises:
        DataError: not a segment's name.
    """
    match = _SEGMENT.fullmatch(segment)
    if not match:
        raise DataError(f"{segment!r} is not a CC2017 segment", why="they are called seg1 … and test1 …")
    return (match[1] == "test", int(match[2]))


def is_test(segment: str) -> bool:
    """Say whether a segment belongs to the test film."""
    return segment_order(segment)[0] == 1


def find_segments(raw: Path) -> list[str]:
    """Return the segments whose videos are there, in order.

    Raises:
        MissingError: there are none.
    """
    names = [path.stem for path in (raw / STIMULI).glob("*.mp4") if is_film(path)]
    if not names:
        raise MissingError(f"no stimulus videos below {STIMULI}", next="brainflix download, with the stimuli")
    return sorted(names, key=segment_order)


def find_runs(raw: Path, subject: int) -> list[RunFile]:
    """Return a subject's runs as they are on disk, by segment and repeat; repeats may be missing.

    Raises:
        MissingError: there are none.
    """
    home = raw / run_path(subject, "seg1", 1).parents[2]
    found = []
    for path in home.glob("*/cifti/*_Atlas.dtseries.nii"):
        if match := _RUN.fullmatch(path.name):
            found.append(RunFile(match[1], int(match[2]), path))
    if not found:
        raise MissingError(f"no CIFTI runs of subject {subject}", next="brainflix download")
    return sorted(found, key=lambda run: (segment_order(run.segment), run.repeat))
