"""Carry out a plan for a command: say what happens, run it, or with `--dry-run` only show it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from brainflix.cli.output import Output
from brainflix.cli.render import done_line, place_name, plan_document, plan_table
from brainflix.engine.kept import kept_line
from brainflix.engine.needs import fetch_bytes, fetch_line, memory_bytes, memory_line, need_lines
from brainflix.errors import Interrupted
from brainflix.parts.part import FIT

if TYPE_CHECKING:
    from brainflix.engine.plan import Planned
    from brainflix.engine.run import Done
    from brainflix.parts.work import Intake
    from brainflix.recipe.schema import Recipe
    from brainflix.settings import Settings
    from brainflix.store.store import Store


def perform(
    planned: Sequence[Planned],
    store: Store,
    settings: Settings,
    out: Output,
    intake: Intake | None = None,
    name: str = "",
) -> list[Done]:
    """Run the plan with a line for each job.

    `intake` says how raw files come, if not as the data set has them; `name` labels the experiment.

    Raises:
        MissingError: a job is blocked; nothing is run.
        Interrupted: somebody stopped it; says what is kept.
    """
    from brainflix.engine.run import execute

    finished: list[Done] = []
    # `execute` tells when a job is done, so that the next one starts then, unless it is cached.
    coming = iter(planned)

    def announce() -> None:
        item = next(coming, None)
        starts = item is not None and item.status == "to run"
        out.doing(place_name(item.job.stage, item.job.step, item.job.subject) if item and starts else "")

    def on_done(done: Done) -> None:
        finished.append(done)
        out.say(done_line(done))
        announce()

    with out.working():
        announce()
        try:
            results = execute(planned, store, settings, progress=out, on_done=on_done, intake=intake, name=name)
        except KeyboardInterrupt as stop:
            why = kept_line([item.job for item in planned], len(finished), store)
            raise Interrupted("Interrupted", why=why, next=_same_command()) from stop
    if all(done.status == "cached" for done in results):
        out.say("Everything is cached: nothing was done.")
    return results


def _same_command() -> str:
    """Return the command that goes on: the one that was typed, where this process is a command."""
    if Path(sys.argv[0]).name not in ("brainflix", "__main__.py"):
        return "run the same command again"
    return shlex.join(["brainflix", *sys.argv[1:]])


def show_plan(recipe: Recipe, planned: Sequence[Planned], store: Store, out: Output) -> None:
    """Print what would run, what is cached, why, and the bytes to fetch and to hold; nothing is written."""
    sizes = [fetch_bytes(item) for item in planned]
    memory = [memory_bytes(item, store) for item in planned]
    more = {
        str(item.job.ref): {"fetch_bytes": size, "memory_bytes": need}
        for item, size, need in zip(planned, sizes, memory, strict=True)
    }
    total = None if None in sizes else sum(size or 0 for size in sizes)
    document = {**plan_document(recipe, str(store.root), planned, more), "dry_run": True, "fetch_bytes": total}
    out.result(document, lines=[str(item.job.ref) for item in planned], tables=[plan_table(planned)])
    for line in need_lines(planned, store):
        out.say(line)
    out.say(f"{fetch_line(sizes)}; {memory_line(memory)}; nothing was run or written (--dry-run)")


def show_results(results: Sequence[Done], out: Output) -> None:
    """Print the refs of a verb's jobs; what subjects share a fit of is read by them, and no result of its own."""
    lines = [done.ref for done in results if not done.step.endswith(f":{FIT}")]
    out.result({"stages": [asdict(done) for done in results]}, lines=lines)
