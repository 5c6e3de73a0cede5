"""`list`: the data sets, parts, recipes and metrics that can be named, and the numbers that papers published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table
from brainflix.errors import BrainflixError, UsageError

if TYPE_CHECKING:
    from brainflix.registry import Part


def register(app: typer.Typer) -> None:
    """Add `list` to the command line."""
    group = options.new_group(
        "list",
        help="List data sets, parts, recipes, metrics and published numbers.",
        epilog=options.example("brainflix list parts regress"),
    )
    group.command("datasets", epilog=options.example("brainflix list datasets"))(datasets)
    example = options.example("brainflix list parts regress", "brainflix list parts regress ridge")
    group.command("parts", epilog=example)(parts)
    group.command("recipes", epilog=options.example("brainflix list recipes --json"))(recipes)
    group.command("metrics", epilog=options.example("brainflix list metrics --protocol mindanimator"))(metrics)
    group.command("published", epilog=options.example("brainflix list published --json"))(published)
    app.add_typer(group)


def datasets(json: options.Json = False, quiet: options.Quiet = False, debug: options.Debug = False) -> None:
    """List the data sets, with their subjects and terms."""
    from brainflix.registry import parts as known_parts

    found = []
    for name, part in known_parts("dataset").items():
        dataset = part.load()
        fields = ("title", "subjects", "licence", "access", "source", "citation", "revision", "simulated")
        found.append({"name": name, "summary": part.summary, **{field: getattr(dataset, field) for field in fields}})
    columns = ("name", "subjects", "licence", "access", "what it is")
    rows = [(d["name"], str(len(d["subjects"])), d["licence"], d["access"], d["summary"]) for d in found]
    out = Output(json=json, quiet=quiet)
    out.result({"datasets": found}, lines=[d["name"] for d in found], tables=[Table(columns, rows)])


def parts(
    category: options.CategoryArgument = None,
    part: options.PartArgument = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the parts that a recipe can name; of one part, its parameters."""
    from brainflix.registry import PARTS, find
    from brainflix.registry import parts as known_parts
    from brainflix.wording import did_you_mean

    out = Output(json=json, quiet=quiet)
    name = options.VERBS.get(category or "", category)
    if name is not None and not known_parts(name):
        raise UsageError(f"there is no category {category!r} of parts", why=did_you_mean(name, PARTS))
    if name is not None and part is not None:
        _show_part(name, part, find(name, part), out)
        return
    found = [
        {"category": each, "name": key, "summary": value.summary, "target": value.target}
        for each in ([name] if name else PARTS)
        for key, value in known_parts(each).items()
    ]
    columns = ("category", "name", "summary")
    rows = [tuple(record[column] for column in columns) for record in found]
    out.result({"parts": found}, lines=[record["name"] for record in found], tables=[Table(columns, rows)])


def _show_part(category: str, name: str, part: Part, out: Output) -> None:
    """Show a part's parameters as its model declares them."""
    found = []
    for parameter, field in part.load_params().model_fields.items():
        default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
        record = {"name": parameter, "type": _type_text(field.annotation), "default": default}
        found.append({**record, "about": field.description or ""})
    document = {"category": category, "name": name, "summary": part.summary, "target": part.target, "parameters": found}
    columns = ("name", "type", "default", "about")
    rows = [tuple(record[column] for column in columns) for record in found]
    out.say(f"{category} {name}: {part.summary}" + ("" if found else "; it declares no parameters"))
    out.result(document, lines=[record["name"] for record in found], tables=[Table(columns, rows)] if found else [])


def _type_text(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def recipes(json: options.Json = False, quiet: options.Quiet = False, debug: options.Debug = False) -> None:
    """List the recipes that can be run by name."""
    from brainflix.recipe import list_recipes

    found = [_describe(name, path) for name, path in list_recipes().items()]
    columns = ("name", "dataset", "method", "about")
    rows = [tuple(record[column] for column in columns) for record in found]
    out = Output(json=json, quiet=quiet)
    out.result({"recipes": found}, lines=[record["name"] for record in found], tables=[Table(columns, rows)])


def _describe(name: str, path: Path) -> dict[str, str]:
    """Return what a recipe says of itself; one that cannot be read says so and does not hide the others."""
    from brainflix.recipe import load_recipe

    try:
        recipe = load_recipe(str(path))
    except BrainflixError as error:
        return {"name": name, "path": str(path), "dataset": "", "method": "", "about": f"cannot be read: {error.what}"}
    about = {"dataset": recipe.dataset.name, "method": recipe.method, "about": recipe.about}
    return {"name": name, "path": str(path), **about}


def metrics(
    protocol: options.ProtocolName = "strict",
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the metrics of a protocol of `score`, and what each needs."""
    from brainflix.evaluate.folders.catalogue import describe_metrics
    from brainflix.evaluate.protocols import find_protocol

    found = describe_metrics(find_protocol(protocol))
    columns = ("name", "unit", "needs", "about")
    rows = [tuple(record[column] for column in columns) for record in found]
    out = Output(json=json, quiet=quiet)
    document = {"protocol": protocol, "metrics": found}
    out.result(document, lines=[record["name"] for record in found], tables=[Table(columns, rows)])


def published(json: options.Json = False, quiet: options.Quiet = False, debug: options.Debug = False) -> None:
    """List published numbers, with source, protocol and confidence.

    Numbers of different protocols are not comparable, even under one name.
    """
    from dataclasses import asdict

    from brainflix.evaluate.published import CONFIDENCE
    from brainflix.evaluate.published import published as known

    columns = ("system", "dataset", "subject", "metric", "value", "protocol", "confidence", "source")
    rows = [tuple(str(getattr(each, column)) for column in columns) for each in known()]
    out = Output(json=json, quiet=quiet)
    document = {"published": [asdict(each) for each in known()], "confidence": CONFIDENCE}
    lines = [" ".join(row[:5]) for row in rows]
    out.result(document, lines=lines, tables=[Table(columns, rows, numbers=frozenset(["value"]))])
