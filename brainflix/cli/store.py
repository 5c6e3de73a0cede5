"""`store`: look at artifacts, compare, verify, copy out, and delete what nothing needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table, confirm
from brainflix.errors import BrainflixError, IntegrityError, MissingError
from brainflix.wording import count, few, format_bytes

if TYPE_CHECKING:
    from brainflix.store.gc import GcPlan
    from brainflix.store.refs import Ref
    from brainflix.store.store import Artifact, Store
    from brainflix.store.verify import Problem

# So many dependents of what is deleted are named.
_NAMED = 5
_EXAMPLES = {
    "ls": ("brainflix store ls bold", "brainflix store ls --json"),
    "show": ("brainflix store show bold/demo-sub-1",),
    "diff": ("brainflix store diff bold/demo-sub-1@3f2a bold/demo-sub-1@91cc",),
    "verify": ("brainflix store verify", "brainflix store verify bold/demo-sub-1"),
    "gc": ("brainflix store gc --dry-run", "brainflix store gc --unused --yes"),
    "export": ("brainflix store export videos/demo-sub-1-video videos/",),
}


def register(app: typer.Typer) -> None:
    """Add `store` to the command line."""
    group = options.new_group(
        "store", help="Look into the artifact store.", epilog=options.example("brainflix store ls")
    )
    commands: tuple[Callable[..., None], ...] = (ls, show, diff, verify, gc, export)
    for name, command in zip(_EXAMPLES, commands, strict=True):
        group.command(name, epilog=options.example(*_EXAMPLES[name]))(command)
    app.add_typer(group)


def ls(
    kind: options.KindArgument = None,
    name: options.ArtifactName = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List artifacts, newest first."""
    from brainflix.cli.session import open_store

    out = Output(json=json, quiet=quiet)
    place = open_store(store)
    refs = place.refs(kind, name)
    found = [] if quiet else [_brief(place, ref) for ref in refs]
    table = _listed(found)
    document = {"store": str(place.root), "artifacts": found}
    out.result(document, lines=[str(ref) for ref in refs], tables=[table] if found else [])
    total = sum(record["bytes"] or 0 for record in found)
    out.say(f"{count(len(refs), 'artifact')}, {format_bytes(total)} in {place.root}")


def _listed(found: Sequence[Mapping[str, Any]]) -> Table:
    """Return artifacts as a table; labels of runs have a column where there are any."""
    labelled = any(each.get("experiment") for each in found)
    rows = []
    for each in found:
        about = (each["ref"], _size(each["bytes"]), each["created"][:19], each["recipe"] or each.get("problem", ""))
        rows.append((*about, each.get("experiment", "")) if labelled else about)
    columns = ("artifact", "size", "created (UTC)", "recipe", *(("run",) if labelled else ()))
    return Table(columns, rows, numbers=frozenset({"size"}))


def _brief(store: Store, ref: Ref) -> dict[str, Any]:
    try:
        manifest = store.manifest(ref)
    except IntegrityError as error:
        return {"ref": str(ref), "bytes": None, "created": "", "stage": "", "recipe": "", "problem": error.what}
    about = {"created": manifest.created, "stage": manifest.stage, "recipe": manifest.recipe}
    about |= {"experiment": manifest.experiment} if manifest.experiment else {}
    return {"ref": str(ref), "bytes": manifest.size, **about}


def _size(size: int | None) -> str:
    return "damaged" if size is None else format_bytes(size)


def show(
    ref: options.RefArgument,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Show what made an artifact and what it holds.

    With --quiet, print its folder.
    """
    from brainflix.cli.session import open_store

    out = Output(json=json, quiet=quiet)
    artifact = open_store(store).open(ref)
    manifest = asdict(artifact.manifest)
    arrays = [_array(artifact, name) for name in artifact.names()]
    document = {"ref": str(artifact.ref), "path": str(artifact.path), "bytes": artifact.manifest.size, **manifest}
    about = [("ref", str(artifact.ref)), ("path", str(artifact.path)), ("size", format_bytes(artifact.manifest.size))]
    skipped = {"kind", "name", "key", "files", "schema"}
    about += [row for name, value in manifest.items() if name not in skipped for row in _lines(name, value)]
    tables = [Table(("field", "value"), about)]
    if arrays:
        columns = ("array", "shape", "type", "axes")
        tables.append(Table(columns, [tuple(str(array[column]) for column in columns) for array in arrays]))
    out.result({**document, "arrays": arrays}, lines=[str(artifact.path)], tables=tables)


def _array(artifact: Artifact, name: str) -> dict[str, Any]:
    """Describe an array from zarr's own JSON, so that zarr need not be imported."""
    from brainflix.store.complete import ARRAYS, METADATA

    about = artifact.json(f"{ARRAYS}/{name}/{METADATA}")
    axes = ", ".join(str(axis) for axis in about.get("dimension_names") or ())
    return {"array": name, "shape": tuple(about["shape"]), "type": about["data_type"], "axes": axes}


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    """Return the rows of one field; a mapping gives a row for each of its entries."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _lines(f"{name}.{key}", item)]
    if isinstance(value, (list, tuple)):
        return [(name, ", ".join(str(each) for each in value))]
    return [(name, str(value))]


def diff(
    ref: options.RefArgument,
    other: options.OtherRef,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Name the first choice in which two artifacts differ."""
    from brainflix.cli.session import open_store
    from brainflix.store.diff import first_difference

    out = Output(json=json, quiet=quiet)
    place = open_store(store)
    left, right = place.resolve(ref), place.resolve(other)
    found = first_difference(place.manifest(left), place.manifest(right))
    seeds = [place.manifest(each).seed for each in (left, right)]
    text = str(found) if found else f"seed: {seeds[0]} -> {seeds[1]}" if seeds[0] != seeds[1] else ""
    plain = {"path": found.path, "left": found.left, "right": found.right} if found else None
    if text and not found:
        plain = {"path": "seed", "left": seeds[0], "right": seeds[1]}
    out.result({"left": str(left), "right": str(right), "difference": plain}, lines=[text] if text else [])
    if not text:
        out.say(f"{left} and {right} were made from the same choices")
    for each in (left, right):
        if label := place.manifest(each).experiment:
            out.say(f"{each}: run {label!r}")


def verify(
    refs: options.RefArguments = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Compare every byte with what was published.

    Exits with 4 if an artifact is damaged. With --quiet, print the damaged ones.
    """
    from brainflix.cli.session import open_store

    out = Output(json=json, quiet=quiet)
    place = open_store(store)
    chosen = [place.resolve(ref) for ref in refs] if refs else place.refs()
    with out.working():
        problems = {str(ref): _problems_of(place, ref) for ref in out.track(chosen, "artifacts")}
    damaged = [ref for ref, found in problems.items() if found]
    plain = {ref: [asdict(problem) for problem in found] for ref, found in problems.items()}
    rows = [(ref, problem.path, problem.what) for ref in damaged for problem in problems[ref]]
    tables = [Table(("artifact", "file", "problem"), rows)] if rows else []
    out.result({"store": str(place.root), "problems": plain, "ok": not damaged}, lines=damaged, tables=tables)
    if damaged:
        advice = f"brainflix store gc --remove {damaged[0]}, then run its recipe again"
        raise IntegrityError(f"{len(damaged)} of {count(len(chosen), 'artifact')} damaged", why=damaged[0], next=advice)
    is_are = "is" if len(chosen) == 1 else "are"
    out.say(f"{count(len(chosen), 'artifact')} {is_are} exactly what was published")


def _problems_of(store: Store, ref: Ref) -> list[Problem]:
    """Verify one artifact; what cannot even be looked at does not keep the others away."""
    from brainflix.store.verify import Problem
    from brainflix.store.verify import verify as verify_artifact

    try:
        return verify_artifact(store, ref)
    except MissingError:
        # Somebody deleted it meanwhile.
        return []
    except (BrainflixError, OSError) as error:
        return [Problem(".", f"cannot be verified: {error}")]


def gc(
    unused: options.Unused = False,
    keep: options.Keep = None,
    remove: options.Remove = None,
    older_than_h: options.OlderThan = 24.0,
    now: options.Now = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Show, then delete, what dead processes left.

    On request also artifacts. Nothing else in brainflix deletes. Without --yes it asks, and where nobody can answer it
    only shows.
    """
    from brainflix.cli.session import open_store
    from brainflix.store.gc import plan_gc, run_gc

    out = Output(json=json, quiet=quiet)
    kept = keep or () if unused or keep else None
    plan = plan_gc(open_store(store), keep=kept, remove=remove or (), older_than_h=older_than_h, now=now)
    out.say(f"{len(plan.paths)} folders and files to delete, {format_bytes(plan.bytes)}")
    for ref, why in plan.damaged.items():
        out.say(f"{ref} cannot be read, so what is older stays, which it may need: {why}")
    if plan.dependents:
        out.say(f"made from what goes, and not to be made again without it: {few(plan.dependents, _NAMED)}")
    if out.mode == "human":
        out.result({}, tables=[_gc_table(plan)] if plan.paths else [])
    agreed = not dry_run and (yes or (bool(plan.paths) and out.mode == "human" and confirm("Delete them?")))
    gone = run_gc(plan) if agreed else []
    if out.mode != "human":
        out.result(_gc_document(plan, [str(path) for path in gone]), lines=[str(path) for path in plan.paths])
    if plan.paths:
        out.say(f"deleted {len(gone)}" if agreed else "nothing was deleted (add --yes to delete without asking)")


def _gc_table(plan: GcPlan) -> Table:
    rows: Sequence[tuple[str, str]] = [(str(path), reason) for path, reason in plan.reasons.items()]
    return Table(("path", "why"), rows)


def _gc_document(plan: GcPlan, gone: list[str]) -> dict[str, Any]:
    paths = [{"path": str(path), "why": reason} for path, reason in plan.reasons.items()]
    return {
        "store": str(plan.store.root),
        "to_delete": paths,
        "bytes": plan.bytes,
        "deleted": gone,
        "dependents": [str(ref) for ref in plan.dependents],
        "damaged": {str(ref): why for ref, why in plan.damaged.items()},
    }


def export(
    ref: options.RefArgument,
    folder: options.NewFolder,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Copy an artifact into a new folder.

    The manifest goes along, and the copy is verified. Videos come with frames/ of PNG pictures and a clips.csv, which
    `score` reads. With --quiet, print the folder.
    """
    from brainflix.cli.session import open_store
    from brainflix.store.export import export as export_artifact

    out = Output(json=json, quiet=quiet)
    place = open_store(store)
    found = place.resolve(ref)
    made = export_artifact(place, found, folder)
    out.result({"ref": str(found), "path": str(made.absolute())}, lines=[str(made)])
