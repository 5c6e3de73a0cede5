"""Films in a person's folder: whatever their suffix, and nothing that a file manager left there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

from brainflix.errors import DataError
from brainflix.io.fetch.annex import pointer_of
from brainflix.io.top_folder import is_clutter

#: Suffixes of the containers that are read (`io.container`).
FILM_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".flv", ".wmv", ".asf", ".ogv", ".ivf", ".y4m"),
)


def films_below(folder: Path, *, deep: bool = False) -> list[Path]:
    """Return the films in a folder, sorted; `deep` also those of its folders.

    Raises:
        DataError: two films have one name, but for their suffix.
    """
    return _only_one_of_each(path for path in _inside(folder, deep) if is_film(path))


def films_meant_below(folder: Path, *, deep: bool = False) -> list[Path]:
    """Return also what stands for a film in a clone of git-annex or git-lfs whose content is not here.

    Raises:
        DataError: two films have one name, but for their suffix.
    """
    named = (path for path in _inside(folder, deep) if has_films_name(path))
    return _only_one_of_each(path for path in named if path.is_file() or pointer_of(path))


def is_film(path: Path) -> bool:
    """Say whether a path is a file with a film's suffix; `._name` is what a Mac keeps beside a file."""
    return has_films_name(path) and path.is_file()


def has_films_name(path: PurePath) -> bool:
    """Say whether a path names a film, by its suffix alone, and nothing that a system left beside one."""
    return path.suffix.lower() in FILM_SUFFIXES and not is_clutter(path.name)


def _inside(folder: Path, deep: bool) -> Iterable[Path]:
    return folder.rglob("*") if deep else folder.glob("*")


def _only_one_of_each(films: Iterable[Path]) -> list[Path]:
    """Return films sorted by path.

    Raises:
        DataError: two have one name, but for their suffix.
    """
    found: dict[str, Path] = {}
    for path in sorted(films):
        other = found.setdefault(path.stem, path)
        if other != path:
            raise DataError(
                f"{other.name} and {path.name} are films of one name",
                why=f"in {path.parent}" if path.parent == other.parent else f"in {other.parent} and {path.parent}",
                next="leave one of them in the folder",
            )
    return list(found.values())
