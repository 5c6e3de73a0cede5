"""The verbs after `download`: one stage of a recipe, alone, on what is in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import typer

from brainflix.cli import options
from brainflix.cli.output import Output


@dataclass(frozen=True)
class Verb:
    """What `--help` says of a verb: one line, and a worked example."""

    help: str
    example: tuple[str, ...]


ABOUT = {
    "preprocess": Verb(
        "Turn raw runs into one row for each clip shown.",
        ("bold=$(brainflix preprocess demo --subject 1 -q)", 'brainflix store show "$bold"'),
    ),
    "align": Verb(
        "Bring subjects into one functional space.",
        (
            "brainflix align demo --step group --set align.group.part=procrustes",
            "brainflix align cc2017 --lag-scan --subject 1",
        ),
    ),
    "extract-targets": Verb(
        "Compute what is decoded: latents, embeddings, captions.", ("brainflix extract-targets demo --step frames",)
    ),
    "train": Verb("Train the networks on training clips.", ("brainflix train demo --step mbm --device auto",)),
    "regress": Verb(
        "Fit targets on training clips, predict the test clips.",
        ("brainflix regress demo --step clip --subject 1 --input target=targets/demo-clip",),
    ),
    "reconstruct": Verb(
        "Generate videos from the predicted targets.",
        ("brainflix reconstruct demo --step video --subject 1 --precision bfloat16",),
    ),
    "evaluate": Verb("Score with chance, intervals and baselines.", ("brainflix evaluate demo --subject 1 --json",)),
}


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line, in the order in which they run."""
    for verb, about in ABOUT.items():
        command = align if verb == "align" else _command(options.VERBS[verb])
        app.command(verb, help=about.help, epilog=options.example(*about.example))(command)


def align(
    recipe: options.RecipeOrDataset,
    lag_scan: options.LagScan = False,
    area: options.Area = "V1",
    subject: options.Subjects = None,
    step: options.StepName = None,
    inputs: options.Inputs = None,
    preset: options.Preset = None,
    changes: options.Changes = None,
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
    """Bring subjects into one functional space, or only look for the delay of their responses."""
    if lag_scan:
        from brainflix.cli import session
        from brainflix.cli.lag_scan import scan

        chosen = session.read_recipe(recipe, changes, preset, dataset_suffices=True)
        scan(chosen, session.open_store(store), subject, area, Output(json=json, quiet=quiet))
        return
    _command("align")(
        recipe=recipe,
        subject=subject,
        step=step,
        inputs=inputs,
        preset=preset,
        changes=changes,
        store=store,
        device=device,
        precision=precision,
        attention=attention,
        workers=workers,
        offline=offline,
        json=json,
        quiet=quiet,
        dry_run=dry_run,
        debug=debug,
    )


def _command(stage: str) -> Callable[..., None]:
    """Return the command of one stage; the verbs differ in nothing else."""

    def command(
        recipe: options.RecipeOrDataset,
        subject: options.Subjects = None,
        step: options.StepName = None,
        inputs: options.Inputs = None,
        preset: options.Preset = None,
        changes: options.Changes = None,
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
        from brainflix.cli import perform, session
        from brainflix.engine.draft import Selection
        from brainflix.engine.plan import make_plan
        from brainflix.store.store import Store

        out = Output(json=json, quiet=quiet)
        settings = session.open_settings(
            store=store, device=device, precision=precision, attention=attention, workers=workers, offline=offline
        )
        session.check_device(settings, must_be_there=not dry_run)
        place = Store(settings.store)
        chosen = session.read_recipe(recipe, changes, preset)
        session.check_step(chosen, stage, step)
        subjects = tuple(subject) if subject else None
        selection = Selection(stage, step, subjects, session.read_inputs(place, inputs), alone=True)
        planned = make_plan(chosen, place, selection)
        if dry_run:
            perform.show_plan(chosen, planned, place, out)
        else:
            perform.show_results(perform.perform(planned, place, settings, out), out)

    return command
