"""Keys: what identifies an artifact is the science that made it, written as canonical JSON and hashed."""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from brainflix.errors import UsageError
from brainflix.store.refs import KEY_DIGITS

# What a manifest says of a job beside the part's parameters, which therefore cannot have these names.
JOB_FACTS = ("part", "step", "subject", "dataset", "package")


def canonical_json(value: object) -> str:
    """Write `value` as the one JSON text that equal values share.

    Keys are sorted, tuples are lists, whole floats are written as integers (1.0 is 1), other floats by `repr`, and
    text is escaped to ASCII. Booleans stay booleans (True is not 1).

    Raises:
        UsageError: a number is NaN or infinite, a mapping key is not text, or a value has no JSON form.
    """
    plain = canonical(value)
    return json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def canonical(value: object, where: str = "") -> Any:
    """Return `value` as plain dicts, lists, text and numbers, normalised as `canonical_json` describes.

    Raises:
        UsageError: see `canonical_json`; the message names the place, as `a.b[2]`.
    """
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return _canonical_float(float(value), where)
    if isinstance(value, Mapping):
        return {_text_key(key, where): canonical(item, f"{where}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [canonical(item, f"{where}[{place}]") for place, item in enumerate(value)]
    raise UsageError(
        f"parameter {where or '(top)'} cannot be part of a key",
        why=f"{type(value).__name__} has no canonical form; use numbers, text, lists and mappings",
    )


def _canonical_float(number: float, where: str) -> int | float:
    if not math.isfinite(number):
        raise UsageError(f"parameter {where or '(top)'} is {number}", why="a key needs finite numbers")
    return int(number) if number.is_integer() else number


def _text_key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"{where or '(top)'} has the key {key!r}", why="mapping keys must be text")
    return str(key)


def keyed_parameters(recorded: Mapping[str, Any], seed: int | None) -> dict[str, Any]:
    """Return what of a job enters its key, from what its manifest records of it: see `artifact_key`, `parameters`.

    Args:
        recorded: the part's parameters, and the `JOB_FACTS` of the job; the data set's name is no part of the key.
        seed: of everything random; None where nothing depends on it.
    """
    facts = {name: recorded[name] for name in JOB_FACTS if name in recorded and name != "dataset"}
    params = {name: value for name, value in recorded.items() if name not in JOB_FACTS}
    return {**facts, "params": params, **({} if seed is None else {"seed": seed})}


def artifact_key(
    kind: str,
    stage_version: int,
    parameters: Mapping[str, object],
    inputs: Mapping[str, Sequence[str]],
    revision: str,
) -> str:
    """Return the key of the artifact that these choices make: 12 hex digits of a SHA-256.

    Args:
        kind: kind of the artifact made.
        stage_version: version of the stage's code; a higher one makes new artifacts.
        parameters: the stage's slice of the recipe.
        inputs: role -> keys of the input artifacts, in order.
        revision: revision of the data set, or an empty string.

    Raises:
        UsageError: a parameter cannot be written as canonical JSON.
    """
    identity = {
        "inputs": {role: list(keys) for role, keys in inputs.items()},
        "kind": kind,
        "parameters": dict(parameters),
        "revision": revision,
        "stage_version": stage_version,
    }
    return hashlib.sha256(canonical_json(identity).encode("ascii")).hexdigest()[:KEY_DIGITS]
