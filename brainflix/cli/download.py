"""`download`: a data set's files into the store, fetched or adopted, with its terms said first."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table
from brainflix.engine.needs import needs_a_person
from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.wording import did_you_mean, format_bytes

if TYPE_CHECKING:
    from brainflix.engine.plan import Planned
    from brainflix.parts.dataset import Dataset
    from brainflix.parts.work import Intake
    from brainflix.recipe.schema import Recipe
    from brainflix.store.store import Store

# Words of `--what` that mean the stimuli's artifact; all others are the data set's own.
STIMULI = ("stimuli", "meta")


def register(app: typer.Typer) -> None:
    """Add `download` to the command line."""
    example = (
        "brainflix download demo --subject 1",
        "brainflix download bmd --subject 1 --what betas --dry-run",
        "brainflix download cc2017 --from ~/purr",
    )
    about = "Bring a data set's raw files into the store."
    app.command("download", help=about, epilog=options.example(*example))(download)


def download(
    recipe: options.RecipeOrDataset,
    subject: options.Subjects = None,
    step: options.DownloadStep = None,
    what: options.What = None,
    source: options.FromFolder = None,
    agree: options.Agree = None,
    verify: options.Verify = False,
    preset: options.Preset = None,
    changes: options.Changes = None,
    store: options.StorePath = None,
    offline: options.Offline = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Bring a data set's raw files into the store."""
    from brainflix.cli import perform, session
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import make_intake
    from brainflix.store.store import Store

    out = Output(json=json, quiet=quiet)
    settings = session.open_settings(store=store, offline=offline)
    place = Store(settings.store)
    step, chosen_parts = _parts_wanted(step, what)
    chosen = session.read_recipe(recipe, [*chosen_parts, *(changes or ())], preset, dataset_suffices=True)
    session.check_step(chosen, "download", step)
    dataset = _dataset(chosen)
    if source is not None and dataset.fetch:
        raise UsageError(f"{dataset.name} makes its files itself, and takes none", next="the same without --from")
    agreed = _agreed(dataset, agree)
    intake = make_intake(place, settings, source, agreed=agreed)
    selection = Selection("download", step, tuple(subject) if subject else None, alone=True)
    planned = make_plan(chosen, place, selection, by_hand_blocks=False)
    out.say(f"{dataset.title}: licence {dataset.licence}, access {_access(dataset)}, source {dataset.source}")
    if verify:
        _verify(planned, place, out)
    elif dry_run:
        _survey(chosen, planned, intake, place, out)
    else:
        _check_unchanged(dataset, planned, place, intake)
        # What a person has to bring first must not keep away what can be fetched.
        planned.sort(key=lambda item: needs_a_person(item, place))
        intake = _with_secret(dataset, planned, intake, out)
        perform.show_results(perform.perform(planned, place, settings, out, intake), out)


def _access(dataset: Dataset) -> str:
    """Return how films and brain data come, in one word where that is the same."""
    films, brains = dataset.access_of(None), dataset.access
    return brains if films == brains else f"{films} (films) and {brains} (brain data)"


def _dataset(recipe: Recipe) -> Dataset:
    from brainflix.parts.find import find

    dataset: Dataset = find("dataset", recipe.dataset.name).load()
    return dataset


def _with_secret(dataset: Dataset, planned: Sequence[Planned], intake: Intake, out: Output) -> Intake:
    """Ask at a terminal for a password or a link that the settings do not have; no option takes one."""
    from dataclasses import replace

    from brainflix.download.packed import is_asked_for

    subjects = [item.job.subject for item in planned if item.status != "cached"]
    secret = dataset.secret
    if secret is None or not sys.stdin.isatty() or not any(is_asked_for(dataset, who, intake) for who in subjects):
        return intake
    out.say(f"{secret.what}: you get it at {secret.page}")
    return replace(intake, secret=typer.prompt(secret.what, hide_input=True, err=True).strip())


def _check_unchanged(dataset: Dataset, planned: Sequence[Planned], store: Store, intake: Intake) -> None:
    """Compare what is given again with what is in the store, before anything is taken.

    Raises:
        IntegrityError: a file has changed since it was adopted.
    """
    if intake.source is None:
        return
    from brainflix.download.changed import check_unchanged

    for item in planned:
        if item.status == "cached":
            check_unchanged(dataset, item.job.plain, item.job.subject, store.open(item.job.ref), intake)


def _parts_wanted(step: str | None, what: str | None) -> tuple[str | None, list[str]]:
    """Return the step and the change of the recipe that `--what` means.

    Raises:
        UsageError: it names both stimuli and a subject's files, which are different artifacts.
    """
    names = options.names_in(what)
    if not names:
        return step, []
    if set(names) <= set(STIMULI):
        return "stimuli", []
    if set(names) & set(STIMULI):
        raise UsageError("--what names stimuli and a subject's files", next="two commands, one for each")
    return "bold", [f"dataset.what=[{', '.join(names)}]"]


def _agreed(dataset: Dataset, agree: str | None) -> bool:
    """Say whether the user agrees to this data set's terms, which have to be named.

    Raises:
        UsageError: another data set was named.
    """
    if agree is not None and agree != dataset.name:
        raise UsageError(f"--i-agree names {agree!r}, not {dataset.name!r}", why=did_you_mean(agree, [dataset.name]))
    return agree is not None


def _verify(planned: Sequence[Planned], store: Store, out: Output) -> None:
    """Hash what is in the store again.

    Raises:
        MissingError: something is not there yet.
        IntegrityError: a byte differs.
    """
    from brainflix.store.verify import verify

    absent = [str(item.job.ref) for item in planned if not store.has(item.job.ref)]
    if absent:
        raise MissingError(f"{absent[0]} is not in the store", next=f"brainflix download {planned[0].job.dataset}")
    damaged = {}
    for item in out.track(planned, "artifacts hashed"):
        if problems := verify(store, item.job.ref):
            damaged[str(item.job.ref)] = str(problems[0])
    if damaged:
        ref, why = next(iter(damaged.items()))
        raise IntegrityError(f"{ref} is damaged", why=why, next=f"brainflix store gc --remove {ref}, then fetch again")
    refs = [str(item.job.ref) for item in planned]
    out.result({"verified": refs}, lines=refs)


def _survey(recipe: Recipe, planned: Sequence[Planned], intake: Intake, store: Store, out: Output) -> None:
    """Print what would be fetched, what a person has to bring, and the room that is left; nothing is written."""
    from dataclasses import asdict

    from brainflix.cli.render import place_name, plan_document
    from brainflix.download.survey import survey

    dataset = _dataset(recipe)
    costs = [None if i.status == "cached" else survey(dataset, i.job.plain, i.job.subject, intake) for i in planned]
    rows = []
    for item, cost in zip(planned, costs, strict=True):
        size = "" if cost is None else format_bytes(cost.fetch_bytes) + (" or more" if cost.n_unknown else "")
        counts = ("", "", "") if cost is None else (str(cost.n_files), str(cost.n_waiting), str(cost.n_by_hand))
        rows.append((item.status, place_name("download", item.job.step, item.job.subject), *counts, size))
    columns = ("status", "job", "files", "here already", "by hand", "to fetch")
    unknown = sum(cost.n_unknown for cost in costs if cost)
    total = sum(cost.fetch_bytes for cost in costs if cost)
    free = shutil.disk_usage(_existing(store.root)).free
    more = {str(i.job.ref): asdict(cost) for i, cost in zip(planned, costs, strict=True) if cost}
    document = plan_document(recipe, str(store.root), planned, more)
    out.result(
        {**document, "dry_run": True, "fetch_bytes": None if unknown else total, "free_bytes": free},
        lines=[str(item.job.ref) for item in planned],
        tables=[Table(columns, rows, numbers=frozenset(columns[2:]))],
    )
    also = f", and {unknown} files of unknown size" if unknown else ""
    out.say(f"to fetch: {format_bytes(total)}{also}; free disk: {format_bytes(free)}; nothing was written (--dry-run)")
    if any(cost and cost.n_by_hand for cost in costs):
        for number, step in enumerate(dataset.steps, start=1):
            out.say(f"{number}. {step}")


def _existing(path: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
