"""`report`: make the page of a run, or copy it out of the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, write_file
from brainflix.errors import MissingError, UsageError

if TYPE_CHECKING:
    from brainflix.engine.run import Done
    from brainflix.recipe.schema import Recipe
    from brainflix.settings import Settings
    from brainflix.store.store import Artifact, Store


def register(app: typer.Typer) -> None:
    """Add `report` to the command line."""
    app.command("report", epilog=options.example("brainflix report demo --out demo.html"))(report)


def report(
    name: options.ReportName,
    out_file: options.OutFile = None,
    preset: options.Preset = None,
    changes: options.Changes = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Make or copy a recipe's report: one HTML page.

    The recipe's scores must be in the store. The page needs no other file and no network.
    """
    from brainflix.cli import session
    from brainflix.store.store import Store

    out = Output(json=json, quiet=quiet)
    settings = session.open_settings(store=store)
    place = Store(settings.store)
    if name.startswith("report/"):
        if changes or preset:
            raise UsageError("--set and --preset change a recipe", why=f"{name} is a report that was made")
        artifact = place.open(name)
    else:
        artifact = place.open(_make(session.read_recipe(name, changes, preset), place, settings, out).ref)
    page = _page(artifact)
    if out_file is not None:
        write_file(out_file, page.read_text(encoding="utf-8"))
        page = out_file
    out.result({"ref": str(artifact.ref), "path": str(page.absolute())}, lines=[str(artifact.ref)])
    out.say(f"the page is {page}")


def _make(recipe: Recipe, store: Store, settings: Settings, out: Output) -> Done:
    from brainflix.cli import perform
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan

    if not recipe.steps.get("evaluate"):
        raise UsageError(f"recipe {recipe.recipe} has no report", why="it has no section evaluate")
    return perform.perform(make_plan(recipe, store, Selection("report", alone=True)), store, settings, out)[0]


def _page(artifact: Artifact) -> Path:
    """Return the HTML page of a report."""
    pages = [entry.path for entry in artifact.manifest.files if entry.path.endswith(".html")]
    if not pages:
        raise MissingError(f"{artifact.ref} holds no page", next=f"brainflix store show {artifact.ref}")
    return artifact.file(min(pages, key=lambda path: (path.count("/"), path)))
