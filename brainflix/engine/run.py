"""Execute a plan: open the inputs, call the stage, publish the result. What is in the store is not made again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.engine.job import Job
from brainflix.engine.needs import check_weights
from brainflix.engine.plan import BLOCKED, CACHED, Planned
from brainflix.errors import DataError, MissingError, UsageError
from brainflix.parts.contract import PartFunction, Stage, Waiting
from brainflix.parts.find import find
from brainflix.parts.lazy import load
from brainflix.parts.part import FIT
from brainflix.parts.stages import category_of
from brainflix.parts.work import DOWNLOADS, Intake, Tools
from brainflix.progress import Progress, Silent
from brainflix.recipe.schema import Recipe
from brainflix.settings import Settings, tell_hub
from brainflix.store.claims import claimed
from brainflix.store.manifest import EXPERIMENT
from brainflix.store.spools import clear_spool
from brainflix.store.store import Store

if TYPE_CHECKING:
    from brainflix.device import Compute
    from brainflix.store.publish import Staging
    from brainflix.store.refs import Ref


@dataclass(frozen=True)
class Done:
    """What happened to one job.

    Attributes:
        stage, step, subject: the job's place.
        status: "ran" or "cached".
        ref: the artifact.
        seconds: wall time of this run, 0 if cached.
        notes: what the manifest notes of it, such as what was left out.
    """

    stage: str
    step: str
    subject: int | None
    status: str
    ref: str
    seconds: float
    notes: Mapping[str, Any] = field(default_factory=dict)


def execute(
    planned: Sequence[Planned],
    store: Store,
    settings: Settings,
    *,
    progress: Progress | None = None,
    on_done: Callable[[Done], None] = lambda done: None,
    intake: Intake | None = None,
    name: str = "",
) -> list[Done]:
    """Run the jobs in order.

    Args:
        planned: what `make_plan` returned.
        store: where inputs are and results go.
        settings: where and how fast.
        progress: told how far each stage is.
        on_done: called after each job.
        intake: how raw files come; by default from where the data set has them.
        name: label of the experiment that the manifests of what is made now note; it is part of no key.

    Raises:
        MissingError: a job is blocked; nothing is run before this is known. Or weights are not to be had.
        UsageError: a data set's terms have not been agreed to.
        IntegrityError: something damaged stands in an artifact's place.
    """
    for item in planned:
        if item.status == BLOCKED:
            raise item.error or MissingError(f"cannot make {item.job.ref}", why=item.why, next=_advice(item))
    tools = replace(make_tools(store, settings, progress or Silent(), intake), experiment=name)
    check_weights(planned)
    results = []
    for item in planned:
        done = _cached(item.job, store) if item.status == CACHED else run_job(item.job, store, tools)
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
        given=intake or make_intake(store, settings),
    )


def make_intake(store: Store, settings: Settings, source: Path | None = None, *, agreed: bool = False) -> Intake:
    """Return how raw files come: from `source` or from where the data set has them, as patient as the settings say."""
    return Intake(
        store.root / DOWNLOADS,
        source,
        agreed,
        settings.offline,
        retries=settings.fetch_retries,
        silence_s=settings.fetch_silence_s,
        patience_s=settings.fetch_patience_s,
    )


def run_job(job: Job, store: Store, tools: Tools) -> Done:
    """Run one job and publish what it makes; if another process is at it, wait for theirs."""
    reads = tuple(str(ref) for refs in job.inputs.values() for ref in refs)
    with claimed(store.root, job.ref, reads, partial(_is_made, job, store), tools.progress.say) as is_ours:
        return _make(job, store, tools) if is_ours else _cached(job, store)


def _is_made(job: Job, store: Store) -> bool:
    return all(map(store.has, job.outputs.values()))


def _make(job: Job, store: Store, tools: Tools) -> Done:
    """Run one job and publish what it makes; if another process published it all the same, theirs is used."""
    started = time.monotonic()
    stage: Stage = import_module(f"brainflix.{job.stage}.stage")
    part = None if job.stage == "report" else find(category_of(job.stage), job.part).load()
    inputs = {role: [store.open(ref) for ref in refs] for role, refs in job.inputs.items()}
    # Before a stage reads them, by whatever way: what was changed under its key would be a wrong number without a word.
    for artifact in {each.ref: each for some in inputs.values() for each in some}.values():
        artifact.check_bytes()
    with ExitStack() as stack:
        # The main output is published last: the job is done if it stands.
        stagings = {name: stack.enter_context(_publishing(job, ref, stage, store)) for name, ref in job.outputs.items()}

        def compute() -> Compute:
            chosen = tools.compute()
            for staging in stagings.values():
                staging.device = chosen.describe()
            return chosen

        work = job.work(replace(tools, compute=compute))
        made = _fit_of(job)(job.params, inputs, work) if job.is_fit else stage.run(part, job.params, inputs, work)
        outputs = made if isinstance(made, Mapping) else {"": made}
        if set(outputs) != set(stagings):
            raise DataError(
                f"{job.stage} part {job.part!r} made the outputs {sorted(outputs)}",
                why=f"it declares {sorted(stagings)}",
            )
        for name, output in outputs.items():
            stagings[name].notes |= output.save(stagings[name].path) or {}
            stagings[name].notes |= {EXPERIMENT: tools.experiment} if tools.experiment else {}
    clear_spool(store.root, job.ref)
    for output in outputs.values():
        if isinstance(output, Waiting):
            output.clear()
    seconds = round(time.monotonic() - started, 2)
    return Done(job.stage, job.step, job.subject, "ran", str(job.ref), seconds, _notes(store, job))


def _fit_of(job: Job) -> PartFunction:
    """Return what a job of a fit calls."""
    fit = find(category_of(job.stage), job.part).fit
    if fit is None:
        raise UsageError(f"{job.stage} part {job.part!r} fits nothing for several subjects")
    function: PartFunction = load(fit.target)
    return function


def _publishing(job: Job, ref: Ref, stage: Stage, store: Store) -> AbstractContextManager[Staging]:
    """Return what publishes one output of a job."""
    return store.publish(
        ref,
        stage=job.stage,
        stage_version=stage.VERSION,
        parameters=job.recorded(),
        inputs={role: [str(each) for each in refs] for role, refs in job.inputs.items()},
        recipe=job.recipe,
        seed=job.seed,
        dataset_revision=job.revision,
    )


def _cached(job: Job, store: Store) -> Done:
    return Done(job.stage, job.step, job.subject, "cached", str(job.ref), 0.0, _notes(store, job))


def _notes(store: Store, job: Job) -> Mapping[str, Any]:
    """Return what the manifest of the job's main output notes."""
    return store.manifest(job.ref).notes


def _advice(item: Planned) -> str:
    verb = "extract-targets" if item.job.stage == "targets" else item.job.stage
    if item.lacks:
        return f"brainflix run {item.job.recipe}, or make its inputs first"
    return f"brainflix list parts {verb}"


# What `run --json` repeats of each line of scores.json; older artifacts lack some.
FIELDS = (
    "value",
    "chance",
    "chance_analytic",
    "chance_from",
    "ci95",
    "ci_method",
    "n_clusters",
    "p",
    "p_min",
    "n_group",
    "n",
)


def summary(recipe: Recipe, store: Store, results: Sequence[Done]) -> dict[str, Any]:
    """Return the one document that `run --json` prints: stages, and scores by subject and metric."""
    scores: dict[str, Any] = {}
    for done in results:
        # What a part fitted for all subjects has no scores of its own.
        if done.stage == "evaluate" and not done.step.endswith(f":{FIT}"):
            table = store.open(done.ref).json("scores.json")
            known = scores.setdefault(str(done.subject), {})
            # A second evaluation of the same subject must not replace the first one's scores.
            for line, score in table["scores"].items():
                place = f"{done.step}.{line}" if line in known else line
                known[place] = {name: score[name] for name in FIELDS if name in score}
    return {
        "recipe": recipe.recipe,
        "store": str(store.root),
        "stages": [asdict(done) for done in results],
        "scores": scores,
    }
