"""`--set a.b=c` and `--preset NAME`: changes of a recipe as it is written, before it is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brainflix.errors import UsageError
from brainflix.parts.stages import SECTIONS
from brainflix.recipe.yaml_text import MAX_DEPTH, read_yaml
from brainflix.wording import did_you_mean, shortened

PRESETS = "presets"
# What stands at the top of a recipe beside its sections and presets.
HEAD = ("recipe", "schema", "about", "method", "compat", "seed", "dataset")


def apply_change(raw: Mapping[str, Any], change: str) -> dict[str, Any]:
    """Return `raw` with `a.b=c` applied; the value is read as YAML.

    Raises:
        UsageError: not of that form, or `a`, or the step `b` of a section of named steps, is not there.
    """
    place, sign, value = change.partition("=")
    keys = place.strip().split(".")
    if not sign or not all(keys):
        raise UsageError(f"--set {shortened(change)!r} is not a.b=c")
    return change_place(raw, keys, read_yaml(value, f"the value of --set {shortened(place.strip())}"))


def apply_changes(raw: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Return `raw` with `a.b=c` changes applied in their order.

    Raises:
        UsageError: as `apply_change`, or a change would undo one before it.
    """
    changed, done = dict(raw), list[str]()
    for change in changes:
        place = change.partition("=")[0].strip()
        if undone := next((each for each in done if each == place or each.startswith(f"{place}.")), None):
            what = "is given twice" if undone == place else f"would undo --set {shortened(undone)}"
            raise UsageError(f"--set {shortened(place)} {what}", next="leave one of them out")
        changed = apply_change(changed, change)
        done.append(place)
    return changed


def apply_preset(raw: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return `raw` without its presets and with the changes of the one called `name` applied, in their order.

    A preset maps places to values, as `--set` does; null takes a step away. What it makes is another recipe, so that it
    is also called differently: `brain-netflix-bmd-tiny`.

    Raises:
        UsageError: no such preset, or a change that does not fit the recipe.
    """
    presets = raw.get(PRESETS) or {}
    plain = {key: value for key, value in raw.items() if key != PRESETS}
    if not isinstance(presets, dict) or not all(isinstance(changes, dict) for changes in presets.values()):
        raise UsageError(f"{PRESETS} is a mapping of names to changes, as {{tiny: {{train.epochs: 2}}}}")
    if name is None:
        return plain
    if name not in presets:
        why = did_you_mean(name, presets) if presets else "it has none"
        raise UsageError(f"recipe {raw.get('recipe')} has no preset {name!r}", why=why)
    for place, value in presets[name].items():
        plain = change_place(plain, str(place).split("."), value)
    return {**plain, "recipe": f"{plain.get('recipe')}-{name}"}


def change_place(raw: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    """Return `raw` with `value` at the place that `keys` lead to; None takes away a step or a section.

    Raises:
        UsageError: the section, or the step of a section of named steps, is not there.
    """
    if len(keys) > MAX_DEPTH:
        raise UsageError(f"--set {shortened('.'.join(keys))} is nested more than {MAX_DEPTH} levels deep")
    # A whole section may come new; a part of one that is not there is a slip.
    is_new = keys[0] in SECTIONS and len(keys) == 1
    if keys[0] not in raw and keys[0] not in HEAD and not is_new:
        raise UsageError(f"--set {'.'.join(keys)}: no section {keys[0]!r}", why=did_you_mean(keys[0], {*raw, *HEAD}))
    _check_step(raw, keys, value)
    if value is None and keys[0] in SECTIONS and (len(keys) == 1 or (len(keys) == 2 and _is_named(raw.get(keys[0])))):
        return _without(raw, keys)
    return _with(dict(raw), list(keys), value)


def _without(raw: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    if len(keys) == 1:
        return {key: value for key, value in raw.items() if key != keys[0]}
    return {**raw, keys[0]: {key: value for key, value in raw[keys[0]].items() if key != keys[1]}}


def _is_named(section: Any) -> bool:
    """Say whether a section is one of named steps."""
    return isinstance(section, dict) and "part" not in section


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
