"""`list`: the data sets, parts, recipes and metrics that can be named, and the numbers that papers published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table
from brainflix.errors import BrainflixError, UsageError
from brainflix.wording import format_bytes

if TYPE_CHECKING:
    from brainflix.parts.dataset import Dataset
    from brainflix.parts.find import Part


def register(app: typer.Typer) -> None:
    """Add `list` to the command line."""
    group = options.new_group(
        "list",
        help="List data sets, parts, recipes, metrics and published numbers.",
        epilog=options.example("brainflix list parts regress"),
    )
    group.command("datasets", epilog=options.example("brainflix list datasets", "brainflix list datasets bmd"))(
        datasets
    )
    example = options.example("brainflix list parts regress", "brainflix list parts regress ridge")
    group.command("parts", epilog=example)(parts)
    group.command("recipes", epilog=options.example("brainflix list recipes --json"))(recipes)
    group.command("metrics", epilog=options.example("brainflix list metrics --protocol mindanimator"))(metrics)
    group.command("published", epilog=options.example("brainflix list published --json"))(published)
    app.add_typer(group)


def datasets(
    name: options.DatasetName = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the data sets with size, access and what has been run on real files; of one, all that is known."""
    from brainflix.parts.find import find
    from brainflix.parts.find import parts as known_parts

    out = Output(json=json, quiet=quiet)
    if name is not None:
        _show_dataset(find("dataset", name).load(), out)
        return
    found = [{**_record(part.load()), "summary": part.summary} for part in known_parts("dataset").values()]
    columns = ("name", "subjects", "size", "films", "brains", "run on real files", "what it is")
    rows = [
        (d["name"], str(len(d["subjects"])), _dataset_size(d), d["stimuli_access"], d["access"], *_tested(d))
        for d in found
    ]
    out.result({"datasets": found}, lines=[d["name"] for d in found], tables=[Table(columns, rows)])


def _record(dataset: Dataset) -> dict[str, Any]:
    """Return a data set's declaration, with how its films come also where that is as its brain data do."""
    from dataclasses import asdict

    return {**asdict(dataset), "stimuli_access": dataset.access_of(None)}


def _tested(record: dict[str, Any]) -> tuple[str, str]:
    return record["checked_on"] or "no", record["summary"]


def _dataset_size(record: dict[str, Any]) -> str:
    if record["access"] == "embedded":
        return "made here"
    return "not known" if record["size_bytes"] is None else format_bytes(record["size_bytes"])


def _show_dataset(dataset: Dataset, out: Output) -> None:
    """Show a data set's declaration, a line for each fact and for each trap."""
    record = _record(dataset)
    facts = ("title", "licence", "source", "terms_url", "revision", "tr_s", "clip_s", "space", "splits")
    rows = [(fact.replace("_", " "), str(record[fact])) for fact in (*facts, "repeats") if record[fact]]
    rows.insert(1, ("subjects", ", ".join(map(str, dataset.subjects))))
    rows[3:3] = [("access to films", record["stimuli_access"]), ("access to brain data", record["access"])]
    rows.append(("size", _dataset_size(record)))
    rows.append(("run on real files", dataset.checked_on or "no"))
    rows += [(f"shape of {what}", shape) for what, shape in dataset.shapes]
    rows += [("trap", trap) for trap in dataset.traps]
    rows += [(f"step {number}", step) for number, step in enumerate(dataset.steps, start=1)]
    out.result(record, lines=[dataset.name], tables=[Table(("what", dataset.name), rows)])
    for line in dataset.citation.splitlines():
        out.say(line)


def parts(
    category: options.CategoryArgument = None,
    part: options.PartArgument = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the parts that a recipe can name; of one part, its parameters."""
    from brainflix.parts.find import find, own_parts
    from brainflix.parts.find import parts as known_parts
    from brainflix.wording import did_you_mean

    out = Output(json=json, quiet=quiet)
    name = options.VERBS.get(category or "", category)
    if name is not None and not known_parts(name):
        raise UsageError(f"there is no category {category!r} of parts", why=did_you_mean(name, own_parts()))
    if name is not None and part is not None:
        _show_part(name, part, find(name, part), out)
        return
    found = [
        {"category": each, "name": key, "summary": value.summary, "target": value.target}
        for each in ([name] if name else own_parts())
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
    from brainflix.recipe.files import list_recipes

    found = [_describe(name, path) for name, path in list_recipes().items()]
    columns = ("name", "dataset", "method", "about")
    rows = [tuple(record[column] for column in columns) for record in found]
    out = Output(json=json, quiet=quiet)
    out.result({"recipes": found}, lines=[record["name"] for record in found], tables=[Table(columns, rows)])


def _describe(name: str, path: Path) -> dict[str, str]:
    """Return what a recipe says of itself; one that cannot be read says so and does not hide the others."""
    from brainflix.recipe.files import load_recipe, presets_of

    try:
        recipe = load_recipe(str(path))
    except BrainflixError as error:
        what = {"dataset": "", "method": "", "presets": "", "about": f"cannot be read: {error.what}"}
        return {"name": name, "path": str(path), **what}
    presets = ", ".join(presets_of(str(path)))
    about = {"dataset": recipe.dataset.name, "method": recipe.method, "presets": presets, "about": recipe.about}
    return {"name": name, "path": str(path), **about}


def metrics(
    protocol: options.ProtocolName = "strict",
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the metrics of a protocol of `score`, and what each needs."""
    from brainflix.evaluate.choosing import describe_metrics
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
