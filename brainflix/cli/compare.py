"""`compare`: several runs on the same clips, with paired differences, and published numbers beside them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, Table, write_file

if TYPE_CHECKING:
    from brainflix.report.leaderboard import Board


def register(app: typer.Typer) -> None:
    """Add `compare` to the command line."""
    lines = (
        "brainflix compare scores/demo-sub-1@1f0c9a6d2b3e scores/demo-sub-1@77ab01c9e4d5 --out compare.html",
        "brainflix compare scores/demo-sub-1 scored-elsewhere.json",
    )
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

    Each is the ref of an artifact of `evaluate`, or a file that `score --out` wrote. All must have been scored on the
    same clips under one protocol. Differences are paired, with intervals over blocks
    of the stimulus and p adjusted over the whole table. The page of --out also lists what has been published.
    """
    from brainflix.cli import session
    from brainflix.evaluate.leaderboard import check_comparable, choose_metrics, differences
    from brainflix.evaluate.runs import read_run
    from brainflix.report.leaderboard import make_board, render

    out = Output(json=json, quiet=quiet)
    runs = [read_run(text, lambda: session.open_store(store)) for text in scores]
    check_comparable(runs)
    chosen = choose_metrics(runs, options.names_in(metrics))
    found = differences(runs, chosen, runs[0].blocks, seed=seed)
    refs = [run.ref or run.name for run in runs]
    dataset = next((run.dataset for run in runs if run.dataset), "")
    board = make_board(runs, chosen, found, dataset=dataset, refs=refs, seed=seed)
    if out_file is not None:
        write_file(out_file, render(board))
        out.say(f"the page is {out_file}")
    lines = [f"{each.metric} {each.other} {each.difference:+.4f}" for each in found]
    out.result(_document(board), lines=lines, tables=_tables(board))


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
        "differences": [each.to_dict() for each in board.differences],
        "published": [asdict(each) for each in board.published],
    }


def _tables(board: Board) -> list[Table]:
    from brainflix.report.scores import MINUS, format_number, format_p

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
            each.interval_text.replace("-", MINUS),
            format_p(each.p),
            format_p(each.p_holm),
            format_p(each.p_min),
            str(each.n),
        )
        for each in board.differences
    ]
    columns = ("metric", "run", "difference", "95 % interval", "p", "p (Holm)", "p_min", "n")
    title = f"differences from {board.columns[0]}{note}"
    return [measured, Table(columns, rows, title, frozenset(columns[2:]))]
