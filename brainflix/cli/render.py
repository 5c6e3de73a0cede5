"""Plans, results and scores as tables, lines and plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brainflix.cli.output import Table

if TYPE_CHECKING:
    from brainflix.engine.plan import Planned
    from brainflix.engine.run import Done
    from brainflix.recipe.schema import Recipe

_ROW = "{status:8} {place:30} {ref:48} {seconds:>9}"


def place_name(stage: str, step: str, subject: int | None) -> str:
    """Return a job's place for people: `regress.z sub-1`."""
    # What a step of a section without names fits is `align:fit`.
    place = f"{stage}.{step}" if step and not step.startswith(":") else f"{stage}{step}"
    return place if subject is None else f"{place} sub-{subject}"


def done_line(done: Done) -> str:
    """Return one job's row in the table that grows while a plan runs."""
    seconds = f"{done.seconds:.1f} s" if done.status == "ran" else ""
    place = place_name(done.stage, done.step, done.subject)
    return _ROW.format(status=done.status, place=place, ref=done.ref, seconds=seconds).rstrip()


def count_statuses(planned: Sequence[Planned]) -> dict[str, int]:
    """Return how many jobs are cached, to run and blocked."""
    return {status: sum(item.status == status for item in planned) for status in ("cached", "to run", "blocked")}


def plan_document(
    recipe: Recipe, store: str, planned: Sequence[Planned], more: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return a plan as plain values; `more` adds fields to the job with this ref."""
    stages = [
        {
            "stage": item.job.stage,
            "step": item.job.step,
            "subject": item.job.subject,
            "part": item.job.part,
            "status": item.status,
            "ref": str(item.job.ref),
            "why": item.why,
            **(more or {}).get(str(item.job.ref), {}),
        }
        for item in planned
    ]
    return {"recipe": recipe.recipe, "store": store, "stages": stages, "counts": count_statuses(planned)}


def plan_table(planned: Sequence[Planned], whys: Mapping[str, str] | None = None) -> Table:
    """Return a plan as a table; `whys` replaces the reason of the job with this ref."""
    rows = [
        (
            item.status,
            place_name(item.job.stage, item.job.step, item.job.subject),
            str(item.job.ref),
            (whys or {}).get(str(item.job.ref), item.why),
        )
        for item in planned
    ]
    return Table(("status", "job", "artifact", "why"), rows)


def leading_scores(
    scores: Mapping[str, Mapping[str, Mapping[str, Any]]], primary: Collection[str]
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the scores that protocols lead with; all of a subject that has none of them.

    A second evaluation's scores are named `step.metric`.
    """
    leading = {
        subject: {name: score for name, score in metrics.items() if {name, name.rpartition(".")[2]} & set(primary)}
        for subject, metrics in scores.items()
    }
    return {subject: leading[subject] or dict(metrics) for subject, metrics in scores.items()}


def score_tables(scores: Mapping[str, Mapping[str, Mapping[str, Any]]], *, simulated: bool) -> list[Table]:
    """Return one table for each subject from scores as `run --json` prints them."""
    from brainflix.report.scores import NONE, format_interval, format_number, format_p, number, reference

    tables = []
    for subject, metrics in scores.items():
        rows = []
        for name, score in metrics.items():
            value, chance = format_number(number(score["value"])), format_number(reference(score))
            count = NONE if score["n"] is None else str(score["n"])
            rows.append((name, value, chance, format_interval(score), format_p(number(score["p"])), count))
        who = "All subjects" if subject == "None" else f"Subject {subject}"
        title = f"{who} (simulated data)" if simulated else who
        columns = ("metric", "value", "chance", "95% interval", "p", "n")
        tables.append(Table(columns, rows, title, frozenset(columns[1:])))
    return tables
