"""One file of a data set: where it lies in its folder, where it comes from, and what it must be. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from brainflix.errors import IntegrityError


@dataclass(frozen=True)
class RemoteFile:
    """One file.

    Attributes:
        path: where it lies in the data set's folder, relative and with forward slashes.
        url: where it is fetched from; empty if only a person can.
        size: bytes, if they are known.
        digest: "sha256:<hex>" or "md5:<hex>"; empty if it is not known.
        others: further addresses of the same bytes, asked in this order where one refuses, is down or has other bytes.
        optional: whether the data set is whole without it.

    Raises:
        IntegrityError: the path leaves the folder.
    """

    path: str
    url: str = ""
    size: int | None = None
    digest: str = ""
    optional: bool = False
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the path."""
        parts = PurePosixPath(self.path).parts
        if not parts or self.path.startswith("/") or ".." in parts or "\\" in self.path:
            raise IntegrityError(f"{self.path!r} is not a path inside a data set's folder")


@dataclass(frozen=True)
class Listing:
    """The files of a data set, and what their server says of them.

    Attributes:
        files: the files.
        commit: of the repository, 40 hex digits; empty where there is none.
        licence: as the repository's card states it; None where nobody asks, empty where it states none.
        archive: address of the archive that the files came in, as it may be shown; empty where they came one by one.
        left_out: files of a person's folder that look like the data set's and are not read.
    """

    files: tuple[RemoteFile, ...]
    commit: str = ""
    licence: str | None = None
    archive: str = ""
    left_out: tuple[str, ...] = ()
