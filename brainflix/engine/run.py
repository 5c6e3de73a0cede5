"""Execute a plan: open the inputs, call the stage, publish the result. What is in the store is not made again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from brainflix.engine.plan import BLOCKED, CACHED, Planned
from brainflix.errors import MissingError
from brainflix.parts.contract import DOWNLOADS, JOB_FACTS, Intake, Job, Tools
from brainflix.progress import Progress, Silent
from brainflix.recipe.schema import Recipe
from brainflix.settings import Settings, tell_hub
from brainflix.store.store import Store

if TYPE_CHECKING:
    from brainflix.device import Compute


@dataclass(frozen=True)
class Done:
    """What happened to one job.

    Attributes:
        stage, step, subject: the job's place.
        status: "ran" or "cached".
        ref: the artifact.
        seconds: wall time of this run, 0 if cached.
    """

    stage: str
    step: str
    subject: int | None
    status: str
    ref: str
    seconds: float


def execute(
    planned: Sequence[Planned],
    store: Store,
    settings: Settings,
    *,
    progress: Progress | None = None,
    on_done: Callable[[Done], None] = lambda done: None,
    intake: Intake | None = None,
) -> list[Done]:
    """Run the jobs in order.

    Args:
        planned: what `make_plan` returned.
        store: where inputs are and results go.
        settings: where and how fast.
        progress: told how far each stage is.
        on_done: called after each job.
        intake: how raw files come; by default from where the data set has them.

    Raises:
        MissingError: a job is blocked; nothing is run before this is known.
    """
    for item in planned:
        if item.status == BLOCKED:
            raise MissingError(f"cannot make {item.job.ref}", why=item.why, next=_advice(item))
    tools = make_tools(store, settings, progress or Silent(), intake)
    results = []
    for item in planned:
        done = _cached(item.job) if item.status == CACHED else run_job(item.job, store, tools)
        results.append(done)
        on_done(done)
    return results


def make_tools(store: Store, settings: Settings, progress: Progress, intake: Intake | None = None) -> Tools:
    """Return the tools of a run; torch is imported when a stage first asks for the device.

    Every stage that uses torch asks before its first product, so that the number of threads holds for all of them.
    """
    tell_hub(settings)

    @lru_cache(maxsize=1)
    def compute() -> Compute:
        import torch

        from brainflix.attention import prefer
        from brainflix.device import pick_compute, usable_cores

        torch.set_num_threads(settings.workers or usable_cores())
        prefer(settings.attention)
        return pick_compute(settings.device, settings.precision)

    return Tools(
        store=store,
        compute=compute,
        attention=settings.attention,
        progress=progress,
        clips_per_batch=settings.clips_per_batch,
        checkpoint_epochs=settings.checkpoint_epochs,
        recompute=settings.recompute,
        vae_slicing=settings.vae_slicing,
        vae_tiling=settings.vae_tiling,
        offload=settings.offload,
        cache=settings.cache,
        given=intake or Intake(store.root / DOWNLOADS, offline=settings.offline),
    )


def run_job(job: Job, store: Store, tools: Tools) -> Done:
    """Run one job and publish its artifact; if another process published it first, theirs is used."""
    started = time.monotonic()
    stage = import_module(f"brainflix.{job.stage}.stage")
    inputs = {role: [store.open(ref) for ref in refs] for role, refs in job.inputs.items()}
    with store.publish(
        job.ref,
        stage=job.stage,
        stage_version=stage.VERSION,
        parameters=job_parameters(job),
        inputs={role: [str(ref) for ref in refs] for role, refs in job.inputs.items()},
        recipe=job.recipe,
        seed=job.seed,
        dataset_revision=job.revision,
    ) as out:

        def compute() -> Compute:
            chosen = tools.compute()
            out.device = chosen.describe()
            return chosen

        stage.run(job, inputs, out, replace(tools, compute=compute))
    if hasattr(stage, "finished"):
        stage.finished(job, tools)
    return Done(job.stage, job.step, job.subject, "ran", str(job.ref), round(time.monotonic() - started, 2))


def job_parameters(job: Job) -> dict[str, Any]:
    """Return what a manifest records of a job's parameters."""
    return dict(job.params) | {name: getattr(job, name) for name in JOB_FACTS}


def _cached(job: Job) -> Done:
    return Done(job.stage, job.step, job.subject, "cached", str(job.ref), 0.0)


def _advice(item: Planned) -> str:
    verb = "extract-targets" if item.job.stage == "targets" else item.job.stage
    if "not in the store" in item.why:
        return f"brainflix run {item.job.recipe}, or make its inputs first"
    return f"brainflix list parts {verb}"


def summary(recipe: Recipe, store: Store, results: Sequence[Done]) -> dict[str, Any]:
    """Return the one document that `run --json` prints: stages, and scores by subject and metric."""
    scores: dict[str, Any] = {}
    for done in results:
        if done.stage == "evaluate":
            table = store.open(done.ref).json("scores.json")
            known = scores.setdefault(str(done.subject), {})
            # A second evaluation of the same subject must not replace the first one's scores.
            for name, score in table["scores"].items():
                place = f"{done.step}.{name}" if name in known else name
                known[place] = {field: score[field] for field in ("value", "chance", "ci95", "p", "n")}
    return {
        "recipe": recipe.recipe,
        "store": str(store.root),
        "stages": [asdict(done) for done in results],
        "scores": scores,
    }
