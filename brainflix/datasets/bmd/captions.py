"""The films' descriptions, as the file of annotations in the open bucket has them: at least five texts a film."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainflix.errors import Ignored
from brainflix.io.texts import read_json

_NUMBER = re.compile(r"(?:vid)?(\d{4})(?:\.mp4)?")
_TEXTS = "text_descriptions"


def captions(path: Path, numbers: Sequence[int]) -> tuple[str, ...]:
    """Return the first description of each film, by number; empty texts where the file is not there.

    A film without a description would be taken for one that nobody could describe. So all films have one or none has.

    Raises:
        IntegrityError: the file is no JSON.
    """
    none = ("",) * len(numbers)
    if not path.is_file():
        return none
    found = _by_number(read_json(path))
    lacking = [number for number in numbers if not found.get(number)]
    if lacking:
        what = f"it has no {_TEXTS} of film {lacking[0]:04d} and of {len(lacking) - 1} others"
        warnings.warn(f"{path.name} is not as described, and clips have no captions: {what}", Ignored, stacklevel=2)
        return none
    return tuple(found[number] for number in numbers)


def _by_number(table: Any) -> dict[int, str]:
    found = {}
    for name, facts in table.items() if isinstance(table, dict) else ():
        texts = facts.get(_TEXTS) if isinstance(facts, dict) else None
        if (match := _NUMBER.fullmatch(name)) and isinstance(texts, list) and texts and isinstance(texts[0], str):
            found[int(match[1])] = texts[0].strip()
    return found
