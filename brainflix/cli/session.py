"""What commands share: settings from flags, the recipe that a name means, refs given as inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.cli.options import VERBS
from brainflix.errors import UsageError
from brainflix.parts.find import find, parts
from brainflix.wording import did_you_mean

if TYPE_CHECKING:
    from brainflix.recipe.schema import Recipe
    from brainflix.settings import Settings
    from brainflix.store.refs import Ref
    from brainflix.store.store import Store


def open_settings(**flags: Any) -> Settings:
    """Read the settings under the flags, and tell the Hugging Face libraries, which read the environment on import.

    Raises:
        UsageError: a setting is not valid.
    """
    from brainflix.settings import load_settings, tell_hub

    settings = load_settings(**flags)
    tell_hub(settings)
    return settings


def check_device(settings: Settings, *, must_be_there: bool) -> None:
    """Check that the device that was asked for by name is there, even if all that is wanted is cached.

    What a machine without a card plans for one that has it is not refused: then only the name is checked.

    Raises:
        UsageError: no device is called so.
        ResourceError: it must be there and is not.
    """
    if settings.device not in ("auto", "cpu"):
        from brainflix.device import check_device_name, pick_compute

        check_device_name(settings.device)
        if must_be_there:
            pick_compute(settings.device)


def open_store(path: Path | None) -> Store:
    """Return the store of the flag or of the settings."""
    from brainflix.store.store import Store

    return Store(open_settings(store=path).store)


def read_recipe(
    name: str, changes: Sequence[str] | None, preset: str | None = None, *, dataset_suffices: bool = False
) -> Recipe:
    """Return the recipe of a name or a file; with `dataset_suffices`, a data set without a recipe gives a bare one.

    Raises:
        UsageError: there is none, it is not a recipe, or a change does not fit it.
    """
    from brainflix.recipe.changes import apply_changes
    from brainflix.recipe.files import list_recipes, load_recipe
    from brainflix.recipe.schema import parse_recipe

    if not dataset_suffices or name not in parts("dataset") or Path(name).is_file():
        return load_recipe(name, changes or (), preset)
    # A recipe of a data set's name may run on a sample of it: who names the data set means all of it.
    if name in list_recipes() and load_recipe(name, (), preset).dataset.name == name:
        return load_recipe(name, changes or (), preset)
    if preset is not None:
        raise UsageError(f"data set {name} has no preset {preset!r}", why="it has no recipe", next="leave --preset out")
    subjects = list(find("dataset", name).load().subjects)
    raw: dict[str, Any] = {"recipe": name, "dataset": {"name": name, "subjects": subjects}}
    return parse_recipe(apply_changes(raw, changes or ()), name)


def stage_of(name: str) -> str:
    """Return the stage that a verb or a stage's own name means.

    Raises:
        UsageError: there is no such stage.
    """
    stages = {**VERBS, "targets": "targets", "report": "report"}
    if name not in stages:
        raise UsageError(f"there is no stage {name!r}", why=did_you_mean(name, stages))
    return stages[name]


def check_step(recipe: Recipe, stage: str, step: str | None) -> None:
    """Check that the recipe has this step.

    Raises:
        UsageError: it has not; says the nearest one.
    """
    known = ("stimuli", "bold") if stage == "download" else tuple(recipe.steps.get(stage, {}))
    if not known:
        sections = ", ".join(recipe.steps) or "none"
        raise UsageError(f"recipe {recipe.recipe} has no section {stage}", why=f"it has {sections}")
    if step is not None and step not in known:
        why = did_you_mean(step, known) if any(known) else "it has one step without a name; leave --step out"
        raise UsageError(f"recipe {recipe.recipe} has no step {stage}.{step}", why=why)


def read_inputs(store: Store, texts: Sequence[str] | None) -> dict[str, tuple[Ref, ...]] | None:
    """Return the refs by role of `role=ref` texts; a role given several times has several inputs, in order.

    Raises:
        UsageError: a text has another form.
        MissingError: there is no such artifact.
    """
    found: dict[str, tuple[Ref, ...]] = {}
    for text in texts or ():
        role, sign, ref = text.partition("=")
        if not (role and sign and ref):
            raise UsageError(f"--input {text!r} is not role=ref", next="brainflix store ls")
        found[role] = (*found.get(role, ()), store.resolve(ref))
    return found or None
