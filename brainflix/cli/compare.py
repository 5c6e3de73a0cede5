"""`compare`: several runs on the same clips, with paired differences, and published numbers beside them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table, write_file

if TYPE_CHECKING:
    import numpy as np

    from brainflix.evaluate.leaderboard import Run
    from brainflix.report.leaderboard import Board
    from brainflix.store.artifact import Artifact
    from brainflix.store.store import Store


def register(app: typer.Typer) -> None:
    """Add `compare` to the command line."""
    lines = ("brainflix compare scores/demo-sub-1@1f0c9a6d2b3e scores/demo-sub-1@77ab01c9e4d5 --out compare.html",)
    app.command("compare", epilog=options.example(*lines))(compare)


def compare(
    scores: options.ScoreRefs,
    metrics: options.MetricNames = None,
    seed: options.Seed = 0,
    out_file: options.OutFile = None,
    store: options.StorePath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Compare scored runs with the first of them.

    All must have been scored on the same clips under one protocol. Differences are paired, with intervals over blocks
    of the stimulus and p adjusted over the whole table. The page of --out also lists what has been published.
    """
    from brainflix.cli import session
    from brainflix.evaluate.leaderboard import check_comparable, choose_metrics, differences
    from brainflix.report.leaderboard import make_board, render

    out = Output(json=json, quiet=quiet)
    place = session.open_store(store)
    artifacts = [place.open(text) for text in scores]
    runs = [_read(artifact) for artifact in artifacts]
    check_comparable(runs)
    chosen = choose_metrics(runs, options.names_in(metrics))
    found = differences(runs, chosen, _clusters(place, artifacts[0], runs[0]), seed=seed)
    dataset = str(artifacts[0].manifest.parameters.get("dataset", ""))
    refs = [str(artifact.ref) for artifact in artifacts]
    board = make_board(runs, chosen, found, dataset=dataset, refs=refs, seed=seed)
    if out_file is not None:
        write_file(out_file, render(board))
        out.say(f"the page is {out_file}")
    lines = [f"{each.metric} {each.other} {each.difference:+.4f}" for each in found]
    out.result(_document(board), lines=lines, tables=_tables(board))


def _read(artifact: Artifact) -> Run:
    """Read one scored run; its name is its ref, which is unique."""
    from brainflix.errors import DataError
    from brainflix.evaluate.leaderboard import Run

    if artifact.ref.kind != "scores":
        raise DataError(f"{artifact.ref} is not scores", next="brainflix store ls scores")
    prefix = "per_clip/"
    names = [name.removeprefix(prefix) for name in artifact.names() if name.startswith(prefix)]
    return Run(
        name=f"{artifact.ref.name}@{artifact.ref.key}",
        document=artifact.json("scores.json"),
        per_clip={name: artifact.load(prefix + name) for name in names},
        truth=tuple(artifact.manifest.inputs.get("truth", ())),
        made={
            "stage version": str(artifact.manifest.stage_version),
            **{
                name: str(artifact.manifest.parameters.get(name, "")) for name in ("weights", "revision", "checkpoints")
            },
        },
    )


def _clusters(store: Store, artifact: Artifact, run: Run) -> np.ndarray[Any, Any]:
    """Return the stimulus block of each clip, as long as the evaluation's blocks were."""
    from brainflix.evaluate.bootstrap import BLOCK_S, block_clusters
    from brainflix.store.schema import Clips

    clips = Clips.load(store.open(run.truth[0]))
    clips = clips.take(clips.places(run.document["clip_ids"]))
    block_s = float(artifact.manifest.parameters.get("block_s", BLOCK_S))
    return block_clusters(clips.segment, clips.onset_s, block_s)


def _document(board: Board) -> dict[str, Any]:
    """Return what `--json` prints; measured and published numbers stay apart."""
    measured = [
        {
            "ref": ref,
            "scores": {
                metric: {"value": rows[i].value, "ci95": [rows[i].lo, rows[i].hi], "chance": rows[i].reference}
                for metric, rows in board.rows
            },
        }
        for i, ref in enumerate(board.refs)
    ]
    about = {"dataset": board.dataset, "protocol": board.protocol, "simulated": board.simulated, "seed": board.seed}
    return {
        **about,
        "n_clips": board.n_clips,
        "measured": measured,
        "differences": [asdict(each) for each in board.differences],
        "published": [asdict(each) for each in board.published],
    }


def _tables(board: Board) -> list[Table]:
    from brainflix.report.scores import format_number, format_p

    note = " (simulated data)" if board.simulated else ""
    values = [
        (metric, format_number(rows[0].reference), *(format_number(row.value) for row in rows))
        for metric, rows in board.rows
    ]
    numbers = frozenset(("chance", *board.columns))
    measured = Table(("metric", "chance", *board.columns), values, f"measured{note}", numbers)
    rows = [
        (
            each.metric,
            each.other,
            format_number(each.difference),
            f"{format_number(each.lo)} to {format_number(each.hi)}",
            format_p(each.p),
            format_p(each.p_holm),
            str(each.n),
        )
        for each in board.differences
    ]
    columns = ("metric", "run", "difference", "95 % interval", "p", "p (Holm)", "n")
    title = f"differences from {board.columns[0]}{note}"
    return [measured, Table(columns, rows, title, frozenset(columns[2:]))]
