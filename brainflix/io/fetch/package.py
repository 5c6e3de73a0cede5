"""An archive that holds files of a data set: where it is, which members are wanted, and whether it is shared.

Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from brainflix.io.fetch.files import RemoteFile


@dataclass(frozen=True)
class Package:
    """One archive.

    Attributes:
        file: the archive; its path is its name.
        members: ends of paths that are unpacked, with the wildcards of the shell inside a name; the rest stays packed.
        shared: whether the stimuli and every subject come out of it, so that it is kept for the others.
        password: what opens its members; empty where nothing is encrypted.
    """

    file: RemoteFile
    members: tuple[str, ...]
    shared: bool = False
    password: str = ""

    def __repr__(self) -> str:
        """Name the archive alone: the address and the password may be secrets."""
        return f"Package({self.file.path!r})"

    def wants(self, path: str) -> bool:
        """Say whether a member is unpacked."""
        return any(PurePosixPath(path).match(end) for end in self.members)
