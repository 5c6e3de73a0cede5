"""A pickle read in a confined process, by a list of what may occur."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainflix.errors import IntegrityError
from brainflix.io.legacy.allowed import AllowListUnpickler, NotAllowedError


def read(paths: Sequence[Path], start: int) -> Any:
    """Read the pickle that begins at a byte of one file.

    Raises:
        IntegrityError: it names something that is not on the list.
        Exception: it is damaged; pickles fail in any way.
    """
    (path,) = paths
    try:
        with path.open("rb") as file:
            file.seek(start)
            return AllowListUnpickler(file).load()
    except NotAllowedError as error:
        raise IntegrityError(
            f"{path.name} holds a call to {error}, which no data need",
            why="nothing was run",
            next="do not open it with other tools; fetch it again from its source",
        ) from error
