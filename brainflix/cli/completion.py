"""What the shell offers: names of all kinds, and those that depend on the words before. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from brainflix.recipe.schema import Recipe, Step

Hints = list[tuple[str, str]]
Complete = Callable[[typer.Context, str], Hints]
# Verb on the command line -> stage in recipes and refs.
VERBS = {
    "download": "download",
    "preprocess": "preprocess",
    "align": "align",
    "extract-targets": "targets",
    "train": "train",
    "regress": "regress",
    "reconstruct": "reconstruct",
    "evaluate": "evaluate",
}


def complete_recipes(incomplete: str) -> Hints:
    """Offer the recipes that can be run by name."""
    from brainflix.recipe.files import list_recipes

    return sorted((name, str(path)) for name, path in list_recipes().items() if name.startswith(incomplete))


def complete_datasets(incomplete: str) -> Hints:
    """Offer recipes and data sets."""
    return sorted({**dict(complete_names("dataset", incomplete)), **dict(complete_recipes(incomplete))}.items())


def complete_stages(incomplete: str) -> Hints:
    """Offer the stages of a recipe."""
    return sorted((verb, "") for verb in (*VERBS, "report") if verb.startswith(incomplete))


def complete_categories(incomplete: str) -> Hints:
    """Offer the categories of parts."""
    from brainflix.parts.find import own_parts

    return sorted((name, ", ".join(parts)) for name, parts in own_parts().items() if name.startswith(incomplete))


def complete_kinds(incomplete: str) -> Hints:
    """Offer the kinds of artifacts."""
    from brainflix.store.refs import KINDS

    return sorted((kind, "") for kind in KINDS if kind.startswith(incomplete))


def complete_protocols(incomplete: str) -> Hints:
    """Offer the protocols of `score`."""
    from brainflix.evaluate.protocols import PROTOCOLS

    return sorted((name, "") for name in PROTOCOLS if name.startswith(incomplete))


def complete_checkpoint_kinds(incomplete: str) -> Hints:
    """Offer the kinds of official checkpoints."""
    return complete_names("checkpoint", incomplete)


def complete_checkpoints(incomplete: str) -> Hints:
    """Offer the keys of checkpoints."""
    from brainflix.evaluate.networks.checkpoints import CHECKPOINTS

    return sorted((f"{key}=", each.about) for key, each in CHECKPOINTS.items() if key.startswith(incomplete))


def complete_names(category: str, incomplete: str) -> Hints:
    """Offer the parts of a category."""
    from brainflix.parts.find import parts

    return sorted((name, part.summary) for name, part in parts(category).items() if name.startswith(incomplete))


def _quiet(offer: Callable[[typer.Context], Iterator[tuple[str, str]]]) -> Complete:
    """Return a completion that keeps what begins as the word does, and offers nothing where the words before fail."""

    @wraps(offer)
    def complete(context: typer.Context, incomplete: str) -> Hints:
        from brainflix.errors import BrainflixError

        try:
            return sorted((name, about) for name, about in offer(context) if name.startswith(incomplete))
        except BrainflixError:
            return []

    # The shell's own call is read by these names and types.
    complete.__annotations__ = {"context": typer.Context, "incomplete": str, "return": Hints}
    del complete.__wrapped__
    return complete


@_quiet
def complete_refs(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the artifacts of the store that the settings name."""
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    yield from ((str(ref), "") for ref in Store(load_settings().store).refs())


@_quiet
def complete_parts(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the parts of the category that was named."""
    from brainflix.parts.find import parts

    category = str(context.params.get("category") or "")
    yield from ((name, part.summary) for name, part in parts(VERBS.get(category, category)).items())


@_quiet
def complete_steps(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the steps of the verb's section in the recipe that was named."""
    stage = VERBS[str(context.info_name)]
    if stage == "download":
        yield from (("stimuli", "films and pictures"), ("bold", "the subjects' files"))
    else:
        yield from ((name, step.part) for name, step in _recipe(context).steps.get(stage, {}).items())


@_quiet
def complete_subjects(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the subjects of the recipe that was named."""
    yield from ((str(number), "") for number in _recipe(context).dataset.subjects)


@_quiet
def complete_presets(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the presets of the recipe that was named."""
    from brainflix.recipe.files import presets_of

    yield from ((name, "") for name in presets_of(_first(context, "recipe", "name")))


@_quiet
def complete_inputs(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer the roles of the verb's steps in the recipe that was named."""
    steps = _recipe(context).steps.get(VERBS[str(context.info_name)], {})
    yield from {f"{role}=": "" for step in steps.values() for role in step.inputs}.items()


@_quiet
def complete_changes(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer every place of the recipe that `--set` can change, and the values of those that have few."""
    from brainflix.parts.find import find

    recipe = _recipe(context)
    yield from (("seed=", ""), ("compat=", "paper whose released behaviour is wanted"))
    yield from _places("dataset", find("dataset", recipe.dataset.name).load_params())
    yield "dataset.subjects=", ""
    for stage, steps in recipe.steps.items():
        for name, step in steps.items():
            yield from _places_of_step(stage, f"{stage}.{name}".rstrip("."), step)


@_quiet
def complete_options(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Offer what a kind of checkpoint can be told."""
    from brainflix.parts.find import find

    for place, about in _places("", find("checkpoint", _first(context, "kind")).load_params()):
        if not place.startswith("path="):
            yield place, about


def complete_metrics(context: typer.Context, incomplete: str) -> Hints:
    """Offer the metrics of the protocol that was named, behind those that the list has already."""
    from brainflix.errors import BrainflixError
    from brainflix.evaluate.choosing import describe_metrics
    from brainflix.evaluate.protocols import find_protocol

    listed, comma, last = incomplete.rpartition(",")
    try:
        known = describe_metrics(find_protocol(str(context.params.get("protocol") or "strict")))
    except BrainflixError:
        return []
    names = [(each["name"], each["about"]) for each in known if each["name"] not in listed.split(",")]
    return sorted((f"{listed}{comma}{name}", about) for name, about in names if name.startswith(last))


def _first(context: typer.Context, *arguments: str) -> str:
    """Return the value of the first argument, by the names that commands have for it.

    Where the word under way is an option's value, Typer has not told arguments from each other yet.
    """
    given = [context.params.get(name) for name in arguments]
    return str(next((value for value in (*given, *context.args) if value), ""))


def _recipe(context: typer.Context) -> Recipe:
    """Return the recipe that was named, in its preset.

    Raises:
        BrainflixError: there is none, or it cannot be read.
    """
    from brainflix.cli.session import read_recipe

    return read_recipe(_first(context, "recipe", "name"), None, context.params.get("preset"), dataset_suffices=True)


def _places_of_step(stage: str, where: str, step: Step) -> Iterator[tuple[str, str]]:
    from brainflix.parts.find import parts

    yield f"{where}.part=", ""
    yield f"{where}.subjects=", ""
    for role in step.inputs:
        yield f"{where}.inputs.{role}=", ""
    if step.part in parts(stage):
        yield from _places(where, parts(stage)[step.part].load_params())


def _places(where: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield `where.parameter=` for each parameter; where it has few values, these behind it."""
    for name, field in model.model_fields.items():
        place = f"{where}.{name}=".lstrip(".")
        yield place, field.description or ""
        for value in _values(field.annotation):
            yield f"{place}{value}", ""


def _values(annotation: Any) -> tuple[str, ...]:
    if annotation is bool:
        return ("false", "true")
    return (
        tuple(str(value) for value in get_args(annotation) if value != "") if get_origin(annotation) is Literal else ()
    )
