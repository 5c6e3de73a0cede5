"""Where Algonauts 2021 keeps its files, with or without the folder of a track, and its table of films."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np

from brainflix.errors import DataError, MissingError, UsageError
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.package import Package
from brainflix.io.films import films_meant_below, is_film
from brainflix.store.clips import Clips

DATA, FILMS = "participants_data_v2021", "AlgonautsVideos268_All_30fpsmax"
AREAS = ("V1", "V2", "V3", "V4", "LOC", "EBA", "FFA", "STS", "PPA")
GRID = (78, 93, 71)
N_FILMS, N_VALIDATION = 1000, 100
_FILM = re.compile(r"(\d{4})_.*")


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
    """Return the films that are in a person's folder, or a subject's files.

    Raises:
        MissingError: the folder has no films.
        DataError: two films have one number.
    """
    if subject is not None:
        return files(params, subject)
    films = [path for path in films_meant_below(source / FILMS) if _FILM.fullmatch(path.stem)]
    if not films:
        raise MissingError(f"no films below {FILMS}", why=f"in {source}", next="give the folder that holds it")
    numbers = [path.name[:4] for path in films]
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise DataError(
            f"two films have the number {twice}", why=f"in {source / FILMS}", next="leave one of them there"
        )
    return [RemoteFile(f"{FILMS}/{path.name}") for path in films]


def package(subject: int | None, secret: str) -> Package:
    """Return the archive behind the link that the form sends; it holds the films and all subjects.

    Raises:
        UsageError: `secret` is no web address; it is not repeated.
    """
    members = (f"{FILMS}/*",) if subject is None else (f"*_track/sub{subject:02d}/*.pkl",)
    return Package(RemoteFile("participants_data.zip", _direct(secret) if secret else ""), members, shared=True)


def _direct(link: str) -> str:
    """Return the link that sends the file and not a page about it: Dropbox wants `dl=1` for that."""
    parts = urlsplit(link)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "what was given as the link to Algonauts 2021 is no web address",
            next="the link as the form sends it, which begins with https://",
        )
    if host != "dropbox.com" and not host.endswith(".dropbox.com"):
        return link
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "dl"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("dl", "1")]), fragment=""))


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
    matches = sorted(path for path in (raw / FILMS).glob(f"{segment}_*") if is_film(path))
    if not matches:
        raise MissingError(f"no film {segment} in {FILMS}", next="brainflix download algonauts2021 --from FOLDER")
    return matches[0]
