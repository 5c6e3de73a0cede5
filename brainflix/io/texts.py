"""Small text files of a data set: what cannot be read is said with the file's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brainflix.errors import IntegrityError
from brainflix.store.refusals import refusal


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text in UTF-8.

    Raises:
        IntegrityError: it is none, or is gone.
    """
    with readable(path):
        return path.read_text(encoding="utf-8-sig").splitlines()


def read_json(path: Path) -> Any:
    """Return what a file of JSON holds.

    Raises:
        IntegrityError: it is none, or is gone.
    """
    with readable(path):
        return json.loads(path.read_text(encoding="utf-8-sig"))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file that is read here; what the machine refuses is no fault of the file.

    Raises:
        IntegrityError: it is not the text that it should be, or is gone.
    """
    try:
        yield
    except (OSError, ValueError, RecursionError) as error:
        if refusal(error) is not None:
            raise
        raise IntegrityError(f"cannot read {path.name}", why=str(error), next="fetch the file again") from error
