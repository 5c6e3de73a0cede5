"""Where Algonauts 2021 keeps its files, with or without the folder of a track, and its table of films."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import MissingError
from brainflix.io.fetch.files import RemoteFile
from brainflix.store.clips import Clips

DATA, FILMS = "participants_data_v2021", "AlgonautsVideos268_All_30fpsmax"
AREAS = ("V1", "V2", "V3", "V4", "LOC", "EBA", "FFA", "STS", "PPA")
GRID = (78, 93, 71)
N_FILMS, N_VALIDATION = 1000, 100
_FILM = re.compile(r"(\d{4})_.*\.mp4")


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return a subject's files; the films' names are not published."""
    if subject is None:
        return []
    found = []
    if "mini" in params["what"]:
        found += [RemoteFile(str(area_path(subject, area))) for area in AREAS]
    if "full" in params["what"]:
        found.append(RemoteFile(str(whole_path(subject))))
    return found


def found(source: Path, params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the films that are in a person's folder, or a subject's files."""
    if subject is not None:
        return files(params, subject)
    names = sorted(path.name for path in (source / FILMS).glob("*.mp4") if _FILM.fullmatch(path.name))
    if not names:
        raise MissingError(f"no films below {FILMS}", why=f"in {source}", next="give the folder that holds it")
    return [RemoteFile(f"{FILMS}/{name}") for name in names]


def area_path(subject: int, area: str) -> Path:
    """Return where an area's estimates lie."""
    return Path(f"{DATA}/mini_track/sub{subject:02d}/{area}.pkl")


def whole_path(subject: int) -> Path:
    """Return where the whole brain's estimates lie."""
    return Path(f"{DATA}/full_track/sub{subject:02d}/WB.pkl")


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of films with responses; it needs no files."""
    ids = tuple(f"{number:04d}" for number in range(1, N_FILMS + 1))
    split = np.repeat([0, 1], [N_FILMS - N_VALIDATION, N_VALIDATION])
    return Clips(ids=ids, segment=ids, onset_s=np.zeros(N_FILMS), split=split, caption=("",) * N_FILMS)


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a clip.

    Raises:
        MissingError: it is not there.
    """
    matches = sorted((raw / FILMS).glob(f"{segment}_*.mp4"))
    if not matches:
        raise MissingError(f"no film {segment} in {FILMS}", next="brainflix download algonauts2021 --from FOLDER")
    return matches[0]
