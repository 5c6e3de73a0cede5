"""Ids of clips: as arrays hold them (text, bytes or numbers), in their natural order, and as two sides write them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError


def names_of(ids: NDArray[np.generic], file: Path) -> list[str]:
    """Return ids as text, however an array holds them.

    Args:
        ids: array of shape (n_clips,).
        file: where they come from.

    Raises:
        DataError: bytes that are no text.
    """
    if ids.dtype.kind == "S":
        try:
            ids = np.char.decode(np.asarray(ids, np.bytes_), "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"cannot read the ids of {file.name}", why=str(error), next="save them as text") from error
    return [str(name) for name in ids.ravel()]


def natural(name: str | Path) -> list[tuple[int, int, str]]:
    """Return the key that sorts numbers inside names by their value."""
    text = name.name if isinstance(name, Path) else name
    return [_part(part) for part in re.split(r"(\d+)", text) if part]


def as_written(ids: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return ids as `wanted` writes the same names: with other zeros before numbers, or accents composed otherwise.

    Brain Netflix's releases have both `seg1_begin-2_end-4` and `seg1_begin-002_end-004`; copies between systems compose
    accents or take them apart (Unicode's forms NFC and NFD). An id that `wanted` has stays as it is, and so does one
    that fits two of `wanted`, or shares its own with another.
    """
    there = set(wanted)
    keys = Counter(_key(name) for name in wanted)
    known = {_key(name): name for name in wanted if keys[_key(name)] == 1}
    own = Counter(_key(name) for name in ids)
    return tuple(name if name in there or own[_key(name)] > 1 else known.get(_key(name), name) for name in ids)


def _key(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(natural(unicodedata.normalize("NFC", name)))


def _part(part: str) -> tuple[int, int, str]:
    if not part.isdecimal():
        return (1, 0, part)
    digits = part.lstrip("0")
    # By length and then by digits is by value, however many digits there are.
    return (0, len(digits), digits)
