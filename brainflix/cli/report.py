"""`report`: make the page of a run, or of some of its subjects, or copy it out of the store; print what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, write_file
from brainflix.errors import MissingError, UsageError

if TYPE_CHECKING:
    from brainflix.engine.run import Done
    from brainflix.recipe.schema import Recipe
    from brainflix.settings import Settings
    from brainflix.store.store import Artifact, Store

_EXAMPLES = (
    "brainflix report demo --out demo.html",
    "brainflix report demo --subject 1 --set dataset.snr=0.5",
    "brainflix report mindvideo-cc2017 --citations > papers.bib",
)
Citations = Annotated[
    bool, typer.Option("--citations", help="Make no page: print BibTeX of the papers that the recipe's parts rest on.")
]


def register(app: typer.Typer) -> None:
    """Add `report` to the command line."""
    app.command("report", epilog=options.example(*_EXAMPLES))(report)


def report(
    name: options.ReportName,
    out_file: options.OutFile = None,
    preset: options.Preset = None,
    changes: options.Changes = None,
    subject: options.Subjects = None,
    citations: Citations = False,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Make or copy the report of a recipe, or of some of its subjects: one HTML page.

    The scores must be in the store. The page needs no other file and no network.
    """
    from brainflix.cli import session
    from brainflix.store.store import Store

    out = Output(json=json, quiet=quiet)
    settings = session.open_settings(store=store)
    place = Store(settings.store)
    if name.startswith("report/"):
        if changes or preset or subject or citations:
            what = "--set, --preset, --subject and --citations are about a recipe"
            raise UsageError(what, why=f"{name} is a report that was made")
        artifact = place.open(name)
    else:
        recipe = session.read_recipe(name, changes, preset)
        if citations:
            _cite(recipe, out_file, out)
            return
        artifact = place.open(_make(recipe, tuple(subject) if subject else None, place, settings, out).ref)
    page = _page(artifact)
    if out_file is not None:
        write_file(out_file, page.read_text(encoding="utf-8"))
        page = out_file
    out.result({"ref": str(artifact.ref), "path": str(page.absolute())}, lines=[str(artifact.ref)])
    out.say(f"the page is {page}")


def _cite(recipe: Recipe, out_file: Path | None, out: Output) -> None:
    """Print what a recipe rests on, and write it into a file if one is named."""
    from brainflix.report.citations import citations

    found = citations(recipe)
    if out_file is not None:
        write_file(out_file, "".join(f"{each.bibtex}\n\n" for each in found))
    document = {"recipe": recipe.recipe, "citations": [each.to_dict() for each in found]}
    out.result(document, lines=[line for each in found for line in each.bibtex.split("\n")])
    brief = sum(not each.is_entry for each in found)
    if brief:
        out.say(f"{brief} of {len(found)} are comments: brainflix does not know these papers' titles")
    if not found:
        out.say(f"no paper is due for {recipe.recipe}")


def _make(recipe: Recipe, subjects: tuple[int, ...] | None, store: Store, settings: Settings, out: Output) -> Done:
    from brainflix.cli import perform
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan

    if not recipe.steps.get("evaluate"):
        raise UsageError(f"recipe {recipe.recipe} has no report", why="it has no section evaluate")
    selection = Selection("report", subjects=subjects, alone=True)
    return perform.perform(make_plan(recipe, store, selection), store, settings, out)[0]


def _page(artifact: Artifact) -> Path:
    """Return the HTML page of a report."""
    pages = [entry.path for entry in artifact.manifest.files if entry.path.endswith(".html")]
    if not pages:
        raise MissingError(f"{artifact.ref} holds no page", next=f"brainflix store show {artifact.ref}")
    return artifact.file(min(pages, key=lambda path: (path.count("/"), path)))
