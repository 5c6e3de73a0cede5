"""Where Fudan's fMRI-Video keeps its files, its runs, and its table of clips: two of four seconds in each film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError, MissingError
from brainflix.io.fetch.files import Listing, RemoteFile
from brainflix.io.films import FILM_SUFFIXES, films_meant_below, is_film
from brainflix.io.texts import read_lines
from brainflix.store.clips import Clips

REPOSITORY = "Fudan-fMRI/fMRI-Video"
HOME = Path("fd-fmri-video-WebVid")
CAPTIONS, MASK = HOME / "stimuli/vid2name.npy", HOME / "vc_roi.npz"
CLIPS_PER_FILM = 2
# The order of 200 films is a condition; subject 1 saw it in one long run, the others in four runs of 50.
CONDITIONS = {"train": (2, 3, 5, 6), "val": (7,), "test": (1, 4)}
RUNS_PER_CONDITION = 4
_LONG_RUNS = (1,)


def runs_of(subject: int, condition: int) -> tuple[int, ...]:
    """Return a subject's runs of a condition, in order."""
    if subject in _LONG_RUNS:
        return (condition,)
    first = RUNS_PER_CONDITION * (condition - 1) + 1
    return tuple(range(first, first + RUNS_PER_CONDITION))


def run_path(subject: int, run: int) -> Path:
    """Return where a run's pictures lie."""
    name = f"sub-{subject:04d}_task-video_run-{run}_space-fsLR_den-91k_bold.dtseries.h5"
    return HOME / f"processed-fmri/sub-{subject:04d}/hdf5/{name}"


def condition_path(condition: int) -> Path:
    """Return where the films of a condition are named, one on a line."""
    return HOME / f"stimuli/condition/run{condition}.txt"


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a clip.

    Raises:
        MissingError: it is not there.
    """
    folder = raw / HOME / "stimuli"
    found = [path for suffix in FILM_SUFFIXES if is_film(path := folder / f"{segment}{suffix}")]
    if not found:
        raise MissingError(f"no film {segment} in {HOME / 'stimuli'}", next="brainflix download fudan --step stimuli")
    return found[0]


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the files that can be named; the films are named by the conditions, which only the files know."""
    conditions = sorted(number for numbers in CONDITIONS.values() for number in numbers)
    if subject is None:
        lists = [RemoteFile(str(condition_path(number))) for number in conditions]
        return [RemoteFile(str(MASK)), RemoteFile(str(CAPTIONS), optional=True), *lists]
    return [RemoteFile(str(run_path(subject, run))) for number in conditions for run in runs_of(subject, number)]


def found(source: Path, params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return what a person's folder can give, films included.

    Raises:
        DataError: two films have one name.
    """
    named = files(params, subject)
    if subject is not None:
        return named
    films = films_meant_below(source / HOME / "stimuli")
    return [*named, *(RemoteFile(str(HOME / "stimuli" / path.name)) for path in films)]


def listing(params: Mapping[str, Any], subject: int | None) -> Listing:
    """Ask the Hub for these files.

    Raises:
        MissingError: it cannot be reached, or has no such data set or commit.
    """
    from brainflix.io.fetch.hub import hub_listing

    patterns = [file.path for file in files(params, subject)]
    if subject is None:
        patterns.append(str(HOME / "stimuli/*.mp4"))
    return hub_listing(REPOSITORY, params["revision"], patterns)


def films_of(raw: Path, condition: int) -> list[str]:
    """Return the films of a condition in the order in which they were shown.

    Raises:
        MissingError: the list is not there.
        IntegrityError: it is no text.
        DataError: a name that is none, a film twice, or no film.
    """
    path = raw / condition_path(condition)
    if not path.is_file():
        raise MissingError(f"no list of films at {condition_path(condition)}", next="brainflix download fudan")
    names = [line.strip().removesuffix(".mp4") for line in read_lines(path) if line.strip()]
    if bad := [name for name in names if not name.replace("_", "").replace("-", "").isalnum()]:
        raise DataError(f"{path.name} names {bad[0]!r}, which is no film")
    if not names:
        raise DataError(f"{path.name} names 0 films", next="brainflix download fudan")
    if len(names) % RUNS_PER_CONDITION:
        raise DataError(f"{path.name} names {len(names)} films, which {RUNS_PER_CONDITION} runs cannot share evenly")
    if len(set(names)) != len(names):
        raise DataError(f"{path.name} names a film twice")
    return names


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return two clips of every film: training films in the order of their conditions, then validation, then test.

    Raises:
        MissingError: a list of films is not there.
        DataError: the two test conditions show different films, or a film is in two splits.
    """
    first, again = (films_of(raw, number) for number in CONDITIONS["test"])
    if set(first) != set(again):
        raise DataError("the two test conditions show different films", why=str(sorted(set(first) ^ set(again))[:3]))
    films: list[str] = []
    split: list[int] = []
    for place, name in enumerate(("train", "val")):
        for number in CONDITIONS[name]:
            films += films_of(raw, number)
            split += [place] * (len(films) - len(split))
    films += first
    split += [2] * len(first)
    if len(set(films)) != len(films):
        raise DataError("a film is in two of training, validation and test")
    names = captions(raw)
    return Clips(
        ids=tuple(f"{film}_{half + 1}" for film in films for half in range(CLIPS_PER_FILM)),
        segment=tuple(film for film in films for _ in range(CLIPS_PER_FILM)),
        onset_s=np.tile(np.arange(CLIPS_PER_FILM) * clip_s, len(films)),
        split=np.repeat(np.array(split, np.int8), CLIPS_PER_FILM),
        caption=tuple(names.get(film, "") for film in films for _ in range(CLIPS_PER_FILM)),
    )


def captions(raw: Path) -> dict[str, str]:
    """Return the films' captions by name; none where the file is not there.

    Raises:
        IntegrityError: the file holds something that could act.
        DataError: it is no table of names.
    """
    from brainflix.io.legacy import load_npy

    path = raw / CAPTIONS
    if not path.is_file():
        return {}
    table = load_npy(path)
    if not isinstance(table, dict):
        raise DataError(f"{path.name} is no table from films to captions")
    return {str(key).removesuffix(".mp4"): str(value) for key, value in table.items()}
