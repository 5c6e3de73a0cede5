"""`run` makes everything that a recipe names; `status` says what is made, what is not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output
from brainflix.wording import count

if TYPE_CHECKING:
    from brainflix.engine.run import Done
    from brainflix.store.store import Store

_RUN_EXAMPLE = (
    "brainflix run demo --subject 1 --set dataset.snr=0.5",
    "brainflix run demo --only regress --dry-run",
    "report=$(brainflix run demo -q)",
)


def register(app: typer.Typer) -> None:
    """Add `run` and `status` to the command line."""
    app.command("run", epilog=options.example(*_RUN_EXAMPLE))(run)
    app.command("status", epilog=options.example("brainflix status demo --why --set preprocess.alpha=0.01"))(status)


def run(
    recipe: options.RecipeName,
    preset: options.Preset = None,
    changes: options.Changes = None,
    only: options.Only = None,
    subject: options.Subjects = None,
    name: options.Experiment = "",
    store: options.StorePath = None,
    device: options.Device = None,
    precision: options.Precision = None,
    attention: options.Attention = None,
    workers: options.Workers = None,
    offline: options.Offline = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Run a whole recipe, except what is in the store already.

    With --quiet, print the refs of the last stage: the report of a whole run.
    """
    from brainflix.cli import perform, session
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.parts.find import find
    from brainflix.store.store import Store

    out = Output(json=json, quiet=quiet)
    settings = session.open_settings(
        store=store, device=device, precision=precision, attention=attention, workers=workers, offline=offline
    )
    session.check_device(settings, must_be_there=not dry_run)
    place = Store(settings.store)
    chosen = session.read_recipe(recipe, changes, preset)
    stage = session.stage_of(only) if only else None
    planned = make_plan(chosen, place, Selection(stage, subjects=tuple(subject) if subject else None))
    if dry_run:
        perform.show_plan(chosen, planned, place, out)
        return
    simulated = find("dataset", chosen.dataset.name).load().simulated
    out.say(
        f"{chosen.recipe}: {count(len(planned), 'job')}, store {place.root}{', simulated data' if simulated else ''}"
    )
    results = perform.perform(planned, place, settings, out, name=name)
    _show_run(chosen, place, results, simulated, out)


def _show_run(recipe: Any, store: Store, results: list[Done], simulated: bool, out: Output) -> None:
    """Print the leading scores, or where there are none the refs of the last stage; --json has all scores."""
    from brainflix.cli.render import leading_scores, score_tables
    from brainflix.engine.run import summary

    document = summary(recipe, store, results)
    last = [done.ref for done in results if done.stage == results[-1].stage]
    evaluated = [
        store.open(done.ref).json("scores.json")
        for done in results
        if done.stage == "evaluate" and ":" not in done.step
    ]
    primary = {name for table in evaluated for name in table.get("primary", ())}
    shown = leading_scores(document["scores"], primary)
    out.result(document, lines=last, tables=score_tables(shown, simulated=simulated) or None)
    rest = sum(map(len, document["scores"].values())) - sum(map(len, shown.values()))
    if rest:
        out.say(f"{rest} more scores are in the report, and printed by --json.")
    if last[0].startswith("report/"):
        # The report of some subjects is found by its ref alone.
        name = last[0].removeprefix("report/").partition("@")[0]
        what = name if name == recipe.recipe else f"report/{name}"
        out.say(f"Next: brainflix report {what} --out {name}.html")


def status(
    recipe: options.RecipeName,
    why: options.Why = False,
    preset: options.Preset = None,
    changes: options.Changes = None,
    subject: options.Subjects = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say what of a recipe is cached, to run or blocked.

    With --quiet, print the refs that are not there yet.
    """
    from brainflix.cli import render, session
    from brainflix.engine.changed import what_changed
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan

    out = Output(json=json, quiet=quiet)
    place = session.open_store(store)
    chosen = session.read_recipe(recipe, changes, preset)
    planned = make_plan(chosen, place, Selection(subjects=tuple(subject) if subject else None))
    whys = {str(item.job.ref): what_changed(item.job, place) for item in planned if why and item.status == "to run"}
    more = {ref: {"changed": text} for ref, text in whys.items()}
    missing = [str(item.job.ref) for item in planned if item.status != "cached"]
    document = render.plan_document(chosen, str(place.root), planned, more)
    out.result(document, lines=missing, tables=[render.plan_table(planned, whys)])
    counts = ", ".join(f"{number} {name}" for name, number in render.count_statuses(planned).items())
    out.say(f"{chosen.recipe}: {counts}")
