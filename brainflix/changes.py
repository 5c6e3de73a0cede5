"""`--set a.b=c`: a change of a recipe as it is written, before it is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from brainflix.contract import SECTIONS
from brainflix.errors import UsageError
from brainflix.wording import did_you_mean

# What stands at the top of a recipe beside its sections.
HEAD = ("recipe", "schema", "about", "method", "compat", "seed", "dataset")


def apply_change(raw: Mapping[str, Any], change: str) -> dict[str, Any]:
    """Return `raw` with `a.b=c` applied; the value is read as YAML.

    Raises:
        UsageError: not of that form, or `a`, or the step `b` of a section of named steps, is not there.
    """
    place, sign, value = change.partition("=")
    keys = place.strip().split(".")
    if not sign or not all(keys):
        raise UsageError(f"--set {change!r} is not a.b=c")
    if keys[0] not in raw and keys[0] not in HEAD:
        raise UsageError(f"--set {place}: no section {keys[0]!r}", why=did_you_mean(keys[0], {*raw, *HEAD}))
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {change!r}: the value is not YAML") from error
    _check_step(raw, keys, parsed)
    return _with(dict(raw), keys, parsed)


def _check_step(raw: Mapping[str, Any], keys: Sequence[str], value: Any) -> None:
    """Refuse a step that is not there, unless the change brings its part and so makes it."""
    steps = raw.get(keys[0])
    if keys[0] not in SECTIONS or len(keys) == 1 or not isinstance(steps, dict) or "part" in steps:
        return
    makes_it = keys[2:] == ["part"] or (len(keys) == 2 and isinstance(value, dict) and "part" in value)
    # A section that is still empty may become one step.
    if keys[1] not in steps and not makes_it and (steps or keys[1:] != ["part"]):
        raise UsageError(f"--set {'.'.join(keys)}: no step {keys[0]}.{keys[1]}", why=did_you_mean(keys[1], steps))


def _with(raw: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    if len(keys) == 1:
        return raw | {keys[0]: value}
    inner = raw.get(keys[0], {})
    if not isinstance(inner, dict):
        raise UsageError(f"--set: {keys[0]} is a value, not a section")
    return raw | {keys[0]: _with(dict(inner), keys[1:], value)}
