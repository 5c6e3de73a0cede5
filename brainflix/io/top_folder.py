"""Where the files of a folder really begin: most archives hold one folder, and people give the one above."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

_DEEPEST = 4
_LEFT_BY_SYSTEMS = ("Thumbs.db", "desktop.ini", "__MACOSX")


def is_clutter(name: str) -> bool:
    """Say whether a file or folder is what an operating system or a program leaves in folders of people."""
    return name.startswith(".") or name in _LEFT_BY_SYSTEMS


def roots_of(folder: Path) -> list[Path]:
    """Return a folder, the only folder in it, the only folder in that one, and so on, outermost first.

    What file managers leave behind (`__MACOSX`, `.DS_Store`, `Thumbs.db`) is not counted.
    """
    roots = [folder]
    while len(roots) <= _DEEPEST and len(inside := shown_in(roots[-1])) == 1 and inside[0].is_dir():
        roots.append(inside[0])
    return roots


def shown_in(folder: Path) -> list[Path]:
    """Return what a person put into a folder, sorted; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not is_clutter(path.name))


def find_inside(folder: Path, path: str) -> Path | None:
    """Return a file by its path below a folder, however the letters with accents in its name are written."""
    if (folder / path).is_file():
        return folder / path
    place = folder
    for part in PurePosixPath(path).parts:
        if not (place / part).exists():
            if part.isascii() or not place.is_dir():
                return None
            same = (each for each in place.iterdir() if _plain(each.name) == _plain(part))
            place = next(same, place / part)
        else:
            place = place / part
    return place if place.is_file() else None


def path_ends(path: str) -> list[str]:
    """Return a path and all its shorter ends, longest first."""
    parts = PurePosixPath(path).parts
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)
