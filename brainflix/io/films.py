"""Films in a person's folder: whatever their suffix, and nothing that a file manager left there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from brainflix.errors import DataError

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
    inside = folder.rglob("*") if deep else folder.glob("*")
    return _only_one_of_each(path for path in inside if is_film(path))


def is_film(path: Path) -> bool:
    """Say whether a path is a file with a film's suffix; `._name` is what a Mac keeps beside a file."""
    return path.suffix.lower() in FILM_SUFFIXES and not path.name.startswith(".") and path.is_file()


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
