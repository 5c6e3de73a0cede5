"""Where Algonauts 2025 keeps its parcels and films, what a run's key says, and the table of clips."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError, MissingError
from brainflix.io.fetch.annex import annex_file, key_of, pointer_of
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.films import films_below, films_meant_below
from brainflix.io.video import duration_s
from brainflix.store.clips import Clips

REMOTE = "https://s3.unf-montreal.ca/algonauts.competitors"
STORE = (
    "https://sftp.conp.ca/users/cneuromod/ria-conp/5d2/0a1ae-3571-4de8-94c8-8ddb416cd3b0/annex/objects"  # a RIA store
)
# Keys of a subject's answers to the series and to the films, at the commit that `revision` names.
KEYS = {
    1: (
        "MD5E-s515009409--f133a27227b756092a187ebdfc08fa9b.h5",
        "MD5E-s92248907--679e60674df5d669e09467c3a84fbba1.h5",
    ),
    2: (
        "MD5E-s514940361--eee78792d743b7fccc81253528022056.h5",
        "MD5E-s92262363--5fc31c031b40e5c032c145816dedeb3d.h5",
    ),
    3: (
        "MD5E-s511359830--0327d18892a73268cca32dbf00950705.h5",
        "MD5E-s92197356--3748698c8261e92bf3be29944829543b.h5",
    ),
    5: (
        "MD5E-s509757963--0e85febf1acdfa6ad8ce8c78adfd2a78.h5",
        "MD5E-s92241379--1b16eaea10be5a58052b891806cf10e6.h5",
    ),
}
TR_S = 1.49
N_PARCELS = 1000
FILMS = "stimuli/movies"
_SPACE = "space-MNI152NLin2009cAsym_atlas-Schaefer18_parcel-1000Par7Net"
_RUN = re.compile(r"ses-(?P<session>\d+)_task-(?P<task>[a-z0-9]+)(_run-(?P<run>\d+))?")
_EPISODE = re.compile(r"s(\d+)e(\d+)([a-z])")
_MOVIE = re.compile(r"(bourne|wolf|life|figures)(\d+)")
_MOVIES = ("bourne", "wolf", "life", "figures")
VALIDATION_SEASON = 6
TEST_MOVIES = ("life", "figures")


@dataclass(frozen=True)
class RunKey:
    """What a run's key says: the file's key, the piece of film, and which presentation of it this is."""

    key: str
    segment: str
    repeat: int


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return a subject's two files by their keys at the commit; the films are a person's to bring."""
    if subject is None:
        return []
    paths = (friends_path(subject), movies_path(subject))
    return [_annexed(str(path), key) for path, key in zip(paths, KEYS[subject], strict=True)]


def _annexed(path: str, key: str) -> RemoteFile:
    return annex_file(path, key, REMOTE, chunk_bytes=1 << 30, store_url=STORE)


def found(source: Path, params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the files of a clone: those that are there, and the annexed ones by their keys at the public bucket.

    Raises:
        MissingError: the clone has no films, where they are asked for.
        DataError: two films have one name.
    """
    if subject is None:
        films = films_meant_below(source / FILMS, deep=True)
        if not films:
            raise MissingError(
                f"no films below {FILMS}", why=f"in {source}", next="they are copyrighted: get them yourself"
            )
        return [RemoteFile(path.relative_to(source).as_posix()) for path in films]
    named = []
    for file in files(params, subject):
        key = key_of(source / file.path) if pointer_of(source / file.path) else None
        # A clone says by its own keys which state it is of.
        named.append(_annexed(file.path, key) if key else file)
    return named


def friends_path(subject: int) -> Path:
    """Return where a subject's answers to the series lie."""
    return _func(subject) / f"sub-{subject:02d}_task-friends_{_SPACE}_desc-s123456_bold.h5"


def movies_path(subject: int) -> Path:
    """Return where a subject's answers to the films lie."""
    return _func(subject) / f"sub-{subject:02d}_task-movie10_{_SPACE}_bold.h5"


def read_keys(keys: list[str]) -> list[RunKey]:
    """Return runs in the order of the story, whatever the order of the file.

    A film shown twice has numbered runs, or simply two sessions: the earlier one is repeat 1.

    Raises:
        DataError: a key that names no run.
    """
    matches = [(key, _RUN.fullmatch(key)) for key in keys]
    if bad := [key for key, match in matches if match is None or not _is_segment(match["task"])]:
        raise DataError(f"{bad[0]!r} names no run of the challenge")
    sessions = sorted(
        (match["task"], int(match["run"] or 0), int(match["session"]), key) for key, match in matches if match
    )
    counts: dict[str, int] = {}
    found = []
    for task, run, _, key in sessions:
        counts[task] = run or counts.get(task, 0) + 1
        found.append(RunKey(key, task, counts[task]))
    return sorted(found, key=lambda each: (segment_order(each.segment), each.repeat))


def segment_order(segment: str) -> tuple[int, int, int, str]:
    """Sort key of pieces of film: the series by season, episode and half, then the films by name and part.

    Raises:
        DataError: no such piece.
    """
    if match := _EPISODE.fullmatch(segment):
        return (0, int(match[1]), int(match[2]), match[3])
    if match := _MOVIE.fullmatch(segment):
        return (1, _MOVIES.index(match[1]), int(match[2]), "")
    raise DataError(f"{segment!r} is no piece of the challenge's films")


def split_of(segment: str) -> int:
    """Return the split of a piece: 0 train, 1 validation, 2 test."""
    if match := _EPISODE.fullmatch(segment):
        return int(int(match[1]) == VALIDATION_SEASON)
    return 2 if segment.rstrip("0123456789") in TEST_MOVIES else 0


def clips_of(lengths: Mapping[str, int]) -> Clips:
    """Return the table of clips of one repetition time each, of pieces of so many clips, in the story's order."""
    rows = [(segment, number) for segment in sorted(lengths, key=segment_order) for number in range(lengths[segment])]
    return Clips(
        ids=tuple(f"{segment}_{number + 1:04d}" for segment, number in rows),
        segment=tuple(segment for segment, _ in rows),
        onset_s=np.array([number * TR_S for _, number in rows]),
        split=np.array([split_of(segment) for segment, _ in rows], np.int8),
        caption=("",) * len(rows),
    )


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of clips of the films that are there, by their length.

    Raises:
        MissingError: there are none.
        DataError: a film is shorter than a clip.
    """
    films = {_segment_of(path): path for path in films_below(raw / FILMS, deep=True)}
    if not films:
        raise MissingError(
            f"no films below {FILMS}", next="brainflix download algonauts2025 --step stimuli --from CLONE"
        )
    lengths = {segment: int(duration_s(path) / clip_s + 0.05) for segment, path in films.items()}
    if empty := [segment for segment, length in lengths.items() if not length]:
        raise DataError(f"{empty[0]} has 0 clips", why=f"its film is shorter than {clip_s:g} s", next="get it again")
    return clips_of(lengths)


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a piece.

    Raises:
        MissingError: it is not there.
    """
    for path in films_below(raw / FILMS, deep=True):
        if _segment_of(path) == segment:
            return path
    raise MissingError(f"no film of {segment} below {FILMS}")


def _segment_of(path: Path) -> str:
    return path.stem.removeprefix("friends_")


def _is_segment(task: str) -> bool:
    return bool(_EPISODE.fullmatch(task) or _MOVIE.fullmatch(task))


def _func(subject: int) -> Path:
    return Path(f"fmri/sub-{subject:02d}/func")
