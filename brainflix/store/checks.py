"""Checks that the records of `schema` share, and the reading that puts the artifact's name on a failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from brainflix.errors import DataError
from brainflix.scratch import give_back
from brainflix.store.artifact import Artifact
from brainflix.store.refs import NAME_RULE, is_name

_BLOCK_BYTES = 64 << 20
_FLOAT16_MAX = 65504.0
Record = TypeVar("Record")


def check_length(what: str, values: Sized, count: int, of: str) -> None:
    """Check that `values` has one entry for each of `count`.

    Raises:
        DataError: it has another number, or no axis at all.
    """
    found = "a single value" if isinstance(values, np.ndarray) and values.ndim == 0 else len(values)
    if found != count:
        raise DataError(f"{what} has {found} entries for {count} {of}")


def check_finite(what: str, values: np.ndarray[Any, Any], *, first_row: int = 0) -> None:
    """Check that no number is NaN or infinite, without a copy of the array.

    Raises:
        DataError: some are; says how many of which kind, and where the first one is, rows counted from `first_row`.
    """
    for start, block in _blocks(values):
        # a float64 sum of float32 cannot overflow, so only NaN or infinity makes it not finite
        with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs
            total = np.sum(block, dtype=np.float64) if block.dtype.kind == "f" else np.sum(block)
        if not np.isfinite(total) and not np.isfinite(block).all():
            row, *rest = (int(at) for at in np.argwhere(~np.isfinite(block))[0])
            at = f", at {', '.join(map(str, rest))}" if rest else ""
            why = f"{_kinds(values)}, first in row {first_row + start + row}{at}"
            raise DataError(f"{what} holds numbers that are not finite", why=why)


def _kinds(values: np.ndarray[Any, Any]) -> str:
    """Say how many values are NaN and how many are infinite."""
    n_nan = n_infinite = 0
    for _, block in _blocks(values):
        n_nan += int(np.isnan(block).sum())
        n_infinite += int(np.isinf(block).sum())
    counts = [f"{n} {kind}" for n, kind in ((n_nan, "NaN"), (n_infinite, "infinite")) if n]
    return f"{' and '.join(counts)} of {values.size}"


def check_ids(what: str, ids: Sequence[str]) -> None:
    """Check that ids are safe as file names and each appears once.

    Raises:
        DataError: one is not; it is named.
    """
    for each in ids:
        if not isinstance(each, str) or not is_name(each):
            raise DataError(f"{what}: {each!r} is not an id", why=f"an id is {NAME_RULE}")
    if len(set(ids)) != len(ids):
        double = next(each for place, each in enumerate(ids) if each in ids[:place])
        raise DataError(f"{what}: {double!r} appears more than once")


def fits_float16(values: np.ndarray[Any, Any]) -> bool:
    """Tell whether every number is within the range of float16."""
    return all(np.abs(block).max(initial=0.0) <= _FLOAT16_MAX for _, block in _blocks(values))


def load_as(record: type[Record], artifact: Artifact, read: Callable[[], Mapping[str, Any]]) -> Record:
    """Make a record from the fields that `read` returns.

    Raises:
        DataError: fields are absent or do not hold together; the artifact is named.
    """
    fields = read()
    try:
        return record(**fields)
    except DataError as error:
        raise DataError(f"{artifact.ref}: {error.what}", why=error.why, next=error.next) from error
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(f"{artifact.ref} does not hold {record.__name__}", why=str(error)) from error


def write_json(path: Path, body: Mapping[str, Any]) -> None:
    """Write a JSON file: UTF-8, sorted keys, the same bytes for equal content.

    Raises:
        DataError: a number is NaN or infinite, or a value has no JSON form.
    """
    try:
        text = json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        path.write_bytes(text.encode() + b"\n")
    except (ValueError, TypeError) as error:
        raise DataError(f"{path.name} cannot be written", why=str(error)) from error


def set_fields(record: object, **values: object) -> None:
    """Set fields of a frozen record; only its own constructor may do that."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _blocks(values: np.ndarray[Any, Any]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Yield a first row and the rows from it on; of values that lie on disk no more is in memory."""
    if not values.size:
        return
    rows = max(1, _BLOCK_BYTES // max(1, values.nbytes // len(values)))
    for start in range(0, len(values), rows):
        yield start, values[start : start + rows]
        give_back(values)
