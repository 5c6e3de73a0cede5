"""`import-checkpoint`: a paper's official weights into the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table
from brainflix.errors import UsageError
from brainflix.wording import shortened

EXAMPLE = (
    "brainflix import-checkpoint mbm checkpoint.pth --name bmd-sub-1 --set n_columns=13156",
    "brainflix import-checkpoint mindvideo-encoder pretrains/sub1/fmri_encoder",
    "brainflix import-checkpoint blip model_base_capfilt_large.pth --set tokenizer=bert-base-uncased",
)


def register(app: typer.Typer) -> None:
    """Add `import-checkpoint` to the command line."""
    app.command("import-checkpoint", epilog=options.example(*EXAMPLE))(import_checkpoint)


def import_checkpoint(
    kind: options.CheckpointKind,
    path: options.CheckpointPath,
    name: options.NewName = None,
    changes: options.ImportOptions = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Bring a paper's official weights into the store, every weight accounted for.

    `brainflix list parts checkpoint` names the kinds, `brainflix list parts checkpoint KIND` their options. Nothing in
    the file is run. What comes out is a model as `train` makes it: an input of `train` and of `regress`. Of a captioner
    (`blip`) comes a folder of weights.
    """
    from brainflix.cli.session import open_store
    from brainflix.parts.find import find
    from brainflix.recipe.parameters import validated

    out = Output(json=json, quiet=quiet)
    part = find("checkpoint", kind)
    given = _options(changes)
    if "path" in given:
        raise UsageError(
            "--set path: the file is the command's own argument", next=f"brainflix import-checkpoint {kind} PATH"
        )
    params = validated(part, {**given, "path": path}, kind)
    given = params.model_dump(mode="json")
    place = open_store(store)

    from brainflix.train.import_artifact import imported_ref, publish_import, read_checkpoint
    from brainflix.train.imports import default_name

    with out.working():
        imported = read_checkpoint(kind, params, place)
        ref = imported_ref(kind, name or default_name(kind, path), imported, given)
        is_new = not dry_run and publish_import(place, ref, kind, imported, given)
    document = {
        "ref": str(ref),
        "kind": kind,
        "sha256": imported.digest,
        "status": "to import" if dry_run and not place.has(ref) else "imported" if is_new else "cached",
        "dry_run": dry_run,
        "notes": list(imported.said),
        "parameters": sum(tensor.numel() for tensor in imported.result.state.values()),
        "advice": imported.advice(place.path(ref)),
        **imported.result.config,
    }
    out.result(document, lines=[str(ref)], tables=[_table(document)])
    for note in imported.said:
        out.say(f"{path.name}: {note}.")
    out.say(document["advice"])
    if dry_run:
        out.say("nothing was written (--dry-run)")


def _table(document: dict[str, Any]) -> Table:
    network = document["network"] if "network" in document else document["encoder"]
    rows_of = document.get("preparation")
    about = {**network, **({"columns before padding": rows_of["n_columns"]} if rows_of else {})}
    rows = [(document["status"], document["ref"]), ("parameters", f"{document['parameters']:,}")]
    return Table(("what", "value"), [*rows, *((name, str(value)) for name, value in about.items())])


def _options(changes: Sequence[str] | None) -> dict[str, Any]:
    """Return the options of `name=value` texts; a value is read as YAML.

    Raises:
        UsageError: a text has another form, or a name stands twice.
    """
    from brainflix.recipe.yaml_text import read_yaml

    found: dict[str, Any] = {}
    for change in changes or ():
        name, sign, value = change.partition("=")
        if not (name and sign):
            raise UsageError(f"--set {shortened(change)!r} is not name=value")
        if name in found:
            raise UsageError(f"--set {name} is given twice", next="leave one of them out")
        found[name] = read_yaml(value, f"the value of --set {shortened(name)}")
    return found
