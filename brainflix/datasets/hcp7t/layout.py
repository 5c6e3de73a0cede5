"""Where HCP keeps its 7T films' series, and the table of one-second clips inside the films' intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.io.fetch.files import RemoteFile
from brainflix.store.clips import Clips

FPS_HZ = 24
N_MONTAGE = 76


@dataclass(frozen=True)
class Movie:
    """A run: its direction of phase encoding, its film, its volumes, and the films' intervals in frames of 24 Hz."""

    name: str
    direction: str
    film: str
    n_volumes: int
    intervals: tuple[tuple[int, int], ...]


# Mind-Animator's clip times (its released `clip_times_24.npy`); the last interval of each run is the closing montage.
MOVIES = (
    Movie(
        "MOVIE1",
        "AP",
        "7T_MOVIE1_CC1_v2.mp4",
        921,
        ((624, 5544), (6936, 12120), (12744, 16920), (17760, 19128), (19776, 21600)),
    ),
    Movie("MOVIE2", "PA", "7T_MOVIE2_HO1_v2.mp4", 918, ((624, 5904), (6528, 12600), (13224, 19056), (19704, 21528))),
    Movie(
        "MOVIE3",
        "PA",
        "7T_MOVIE3_CC2_v2.mp4",
        915,
        ((624, 4776), (5448, 9672), (10344, 14760), (15720, 18984), (19632, 21456)),
    ),
    Movie("MOVIE4", "AP", "7T_MOVIE4_HO2_v2.mp4", 901, ((624, 6048), (6672, 12048), (12672, 18648), (19296, 21120))),
)
VARIANTS = {"msmall-clean": "_Atlas_MSMAll_hp2000_clean", "msmall": "_Atlas_MSMAll", "atlas": "_Atlas"}
# The last films before the montage of the last run choose among settings.
VALIDATION = ("MOVIE4", 2)


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the films, or a subject's four runs; a person fetches them with their own keys."""
    if subject is None:
        return [RemoteFile(movie.film) for movie in MOVIES]
    return [RemoteFile(str(run_path(subject, movie, params["variant"]))) for movie in MOVIES]


def run_path(subject: int, movie: Movie, variant: str) -> Path:
    """Return where a run lies."""
    name = f"tfMRI_{movie.name}_7T_{movie.direction}"
    return Path(f"HCP_1200/{subject}/MNINonLinear/Results/{name}/{name}{VARIANTS[variant]}.dtseries.nii")


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a segment.

    Raises:
        DataError: no such segment.
    """
    for movie in MOVIES:
        if segment.partition("-")[0] == movie.name:
            return raw / movie.film
    raise DataError(f"{segment!r} is no film of HCP's", why=", ".join(movie.name for movie in MOVIES))


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the 3040 one-second clips in the order of Mind-Animator's files; it needs no files.

    The montage's 76 clips of the four runs show the same: clip k of each is one group, and all are for testing. The
    last film before the montage of the last run is the validation split.
    """
    ids: list[str] = []
    segment: list[str] = []
    onset: list[float] = []
    split: list[int] = []
    group: list[int] = []
    for movie in MOVIES:
        for number, (start, stop) in enumerate(movie.intervals):
            is_montage = number == len(movie.intervals) - 1
            for second in range((stop - start) // FPS_HZ):
                place = len(ids)
                ids.append(f"clip_{place + 1}")
                segment.append(f"{movie.name}-{number + 1}")
                onset.append(start / FPS_HZ + second)
                split.append(2 if is_montage else int((movie.name, number) == VALIDATION))
                # The first run's montage gives the group its number.
                group.append(_first_montage() + second if is_montage else place)
    return Clips(
        ids=tuple(ids),
        segment=tuple(segment),
        onset_s=np.array(onset),
        split=np.array(split, np.int8),
        caption=("",) * len(ids),
        dup_group=np.array(group, np.int32),
    )


def _first_montage() -> int:
    return sum((stop - start) // FPS_HZ for start, stop in MOVIES[0].intervals[:-1])
