"""What lies beside the files of a data set in a person's folder: nothing of it is left out in silence.

Named are files that look like the data set's own but are not in its layout (a further run, a further subject), films of
another suffix, and pointers of git-annex or git-lfs, which stand for content that is elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from brainflix.io.fetch.annex import fetch_command, pointer_of
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.films import has_films_name
from brainflix.io.top_folder import is_clutter, path_ends

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Beside:
    """What lies beside, by paths in the folder.

    Attributes:
        left_out: what looks like the data set's and was not read.
        pointers: in the place of files that are wanted, what only stands for their content.
        tool: whose pointers they are.
        converted: films in the place of wanted ones that have another suffix.
    """

    left_out: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    tool: str = ""
    converted: tuple[str, ...] = ()

    def why_missing(self) -> str:
        """Say why files are missing that seem to be there; nothing if they do not."""
        found = []
        if self.pointers:
            found.append(f"{self.pointers[0]} is a pointer of {self.tool}, its content is not here")
        if self.converted:
            found.append(f"{self.converted[0]} lies there, and the films of this data set are read by their own suffix")
        return "; ".join(found)

    def next_step(self) -> str:
        """Return the command that brings the content of pointers; nothing if there are none."""
        return f"{fetch_command(self.pointers[0], self.tool)}; then the same command" if self.pointers else ""


def look_beside(
    files: Sequence[RemoteFile], places: Mapping[str, Path], source: Path, others: Collection[str]
) -> Beside:
    """Look at what a person's folder holds beside the files that were taken from it.

    Args:
        files: what is wanted.
        places: where those lie that are there.
        source: the folder.
        others: paths, and ends of paths, of the data set's other artifacts.
    """
    taken = {place.relative_to(source).as_posix() for place in places.values()}
    missing = [file.path for file in files if file.path not in places]
    here = [path for path in _shown(source) if path not in taken]
    ends = {end for path in missing for end in path_ends(path)}
    stems = {_stem(end) for end in ends if _is_film(end)}
    pointers = {path: tool for path in here if path in ends and (tool := pointer_of(source / path))}
    converted = [path for path in here if path not in ends and _is_film(path) and _stem(path) in stems]
    alike = {_DIGITS.sub("#", path) for path in taken}
    folders = {str(PurePosixPath(path).parent) for path in taken if _is_film(path)}
    left_out = [
        path
        for path in here
        if path not in others
        and path not in ends
        and (_DIGITS.sub("#", path) in alike or (_is_film(path) and str(PurePosixPath(path).parent) in folders))
    ]
    return Beside(tuple(left_out), tuple(pointers), next(iter(pointers.values()), ""), tuple(converted))


def _shown(source: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder, sorted, without what programs left there."""
    for folder, inside, names in os.walk(source):
        inside[:] = sorted(name for name in inside if not is_clutter(name))
        for name in sorted(names):
            if not is_clutter(name):
                yield (Path(folder) / name).relative_to(source).as_posix()


def _is_film(path: str) -> bool:
    return has_films_name(PurePosixPath(path))


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))
