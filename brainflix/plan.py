"""Recipe + store -> ordered jobs, each marked cached, to run, or blocked with the reason. Reads no data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from brainflix import registry
from brainflix.contract import STAGES, Job
from brainflix.datasets.base import Dataset
from brainflix.errors import UsageError
from brainflix.recipe import Recipe, Source, Step
from brainflix.registry import did_you_mean
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.store import Store

CACHED, TO_RUN, BLOCKED = "cached", "to run", "blocked"
Place = tuple[str, str, int | None]  # stage, step, subject


@dataclass(frozen=True)
class Planned:
    """A job and what will happen to it.

    Attributes:
        job: the job.
        status: "cached", "to run" or "blocked".
        why: the reason, for people.
        needs: places of the jobs whose results it reads.
    """

    job: Job
    status: str
    why: str
    needs: tuple[Place, ...]

    @property
    def place(self) -> Place:
        """Where the job stands in the recipe."""
        return self.job.stage, self.job.step, self.job.subject


@dataclass(frozen=True)
class Selection:
    """Which of a recipe's jobs are wanted: None means all.

    Attributes:
        stage, step: only this verb, only this step of it.
        subjects: only these subjects (pooled steps stay).
        inputs: refs that replace a role's inputs.
        alone: leave out what the selected jobs need; they must be in the store.
    """

    stage: str | None = None
    step: str | None = None
    subjects: tuple[int, ...] | None = None
    inputs: Mapping[str, tuple[Ref, ...]] | None = None
    alone: bool = False


def make_plan(recipe: Recipe, store: Store, selection: Selection = Selection()) -> list[Planned]:
    """Expand a recipe into ordered jobs.

    Raises:
        UsageError: an unknown dataset, step, subject or parameter; names it.
    """
    jobs: dict[Place, tuple[Job, tuple[Place, ...], str]] = {}
    for job, needs, trouble in _Expander(recipe, selection).jobs():
        jobs[job.stage, job.step, job.subject] = (job, needs, trouble)
    wanted = _wanted(jobs, recipe, selection)
    planned: dict[Place, Planned] = {}
    for place, (job, needs, trouble) in jobs.items():
        if place in wanted:
            planned[place] = _mark(job, needs, trouble, planned, store)
    return list(planned.values())


def _wanted(jobs: Mapping[Place, Any], recipe: Recipe, selection: Selection) -> set[Place]:
    """Return the selected places and, unless they stand alone, everything that they need."""
    if selection.subjects and (unknown := set(selection.subjects) - set(recipe.dataset.subjects)):
        raise UsageError(
            f"recipe {recipe.recipe} has no subject {min(unknown)}", why=f"it has {recipe.dataset.subjects}"
        )
    chosen = {
        (stage, step, subject)
        for stage, step, subject in jobs
        if selection.stage in (None, stage)
        and selection.step in (None, step)
        and (selection.subjects is None or subject is None or subject in selection.subjects)
    }
    if not chosen:
        raise UsageError(f"recipe {recipe.recipe} has no step {selection.stage}.{selection.step or ''}".rstrip("."))
    if selection.alone:
        return chosen
    todo = list(chosen)
    while todo:
        for need in jobs[todo.pop()][1]:
            if need not in chosen:
                chosen.add(need)
                todo.append(need)
    return chosen


def _mark(job: Job, needs: tuple[Place, ...], trouble: str, planned: Mapping[Place, Planned], store: Store) -> Planned:
    """Decide what happens to one job, given what happens to those before it."""
    if trouble:
        return Planned(job, BLOCKED, trouble, needs)
    if store.has(job.ref):
        return Planned(job, CACHED, "in the store with the same key", needs)
    blocked = [planned[need] for need in needs if need in planned and planned[need].status == BLOCKED]
    if blocked:
        return Planned(job, BLOCKED, f"needs {blocked[0].job.ref}, which is blocked", needs)
    coming = {planned[need].job.ref for need in needs if need in planned}
    for ref in (ref for refs in job.inputs.values() for ref in refs):
        if ref not in coming and not store.has(ref):
            return Planned(job, BLOCKED, f"{ref} is not in the store", needs)
    return Planned(job, TO_RUN, "not in the store", needs)


class _Expander:
    """Walks a recipe in the order of the verbs and turns each step into jobs with keys."""

    def __init__(self, recipe: Recipe, selection: Selection) -> None:
        self.recipe, self.selection = recipe, selection
        self.part = registry.find("dataset", recipe.dataset.name)
        self.dataset: Dataset = self.part.load()
        self.places: dict[Place, Ref] = {}

    def jobs(self) -> Iterator[tuple[Job, tuple[Place, ...], str]]:
        """Yield (job, what it needs, why it cannot be run or "")."""
        for job in self._downloads():
            self.places[job.stage, job.step, job.subject] = job.ref
            yield job, (), ""
        for stage in STAGES:
            for name, step in _ordered(stage, self.recipe.steps.get(stage, {})):
                for subject in _subjects(step, self.recipe):
                    job, needs, trouble = self._job(stage, name, step, subject)
                    self.places[stage, name, subject] = job.ref
                    yield job, needs, trouble
        if self.recipe.steps.get("evaluate"):
            yield self._report()

    def _downloads(self) -> Iterator[Job]:
        choice = self.recipe.dataset
        if unknown := set(choice.subjects) - set(self.dataset.subjects):
            raise UsageError(f"{choice.name} has no subject {min(unknown)}", why=f"it has {self.dataset.subjects}")
        params = _validated(self.part, choice.params, "dataset")
        stimuli = {name: value for name, value in params.items() if name in self.dataset.stimulus_params}
        yield self._build("download", "stimuli", choice.name, None, stimuli, {})
        for subject in choice.subjects:
            yield self._build("download", "bold", choice.name, subject, params, {})

    def _job(self, stage: str, name: str, step: Step, subject: int | None) -> tuple[Job, tuple[Place, ...], str]:
        where = f"{stage}.{name}".rstrip(".")
        sources = {role: self._places(group, subject, where) for role, group in step.inputs.items()}
        inputs = {role: tuple(self.places[place] for place in places) for role, places in sources.items()}
        if self._is_selected(stage, name):
            inputs |= self._overrides(inputs, where)
            sources = {role: places for role, places in sources.items() if role not in (self.selection.inputs or {})}
        trouble, params = "", dict(step.params)
        try:
            params = _validated(registry.find(stage, step.part), step.params, where)
        except UsageError as error:
            if step.part in registry.parts(stage):
                raise
            trouble = f"part {step.part!r} is not available ({error.why})"
        job = self._build(stage, name, step.part, subject, params, inputs)
        return job, tuple(place for places in sources.values() for place in places), trouble

    def _is_selected(self, stage: str, name: str) -> bool:
        return bool(self.selection.inputs) and self.selection.stage == stage and self.selection.step in (None, name)

    def _overrides(self, inputs: Mapping[str, tuple[Ref, ...]], where: str) -> Mapping[str, tuple[Ref, ...]]:
        given = self.selection.inputs or {}
        for role in given:
            if role not in inputs:
                raise UsageError(f"{where} has no input {role!r}", why=did_you_mean(role, inputs))
        return given

    def _places(self, sources: Sequence[Source], subject: int | None, where: str) -> tuple[Place, ...]:
        """Resolve a role's sources to places that already exist."""
        found: list[Place] = []
        for source in sources:
            options = [place for place in self.places if place[:2] == (source.stage, source.step)]
            if not options:
                near = [f"{stage}.{step}".rstrip(".") for stage, step, _ in self.places]
                raise UsageError(
                    f"{where}: no step {source.stage}.{source.step}".rstrip(".") + " before it",
                    why=did_you_mean(f"{source.stage}.{source.step}", sorted(set(near))),
                )
            found += _choose(options, source, subject, where)
        return tuple(found)

    def _build(
        self, stage: str, step: str, part: str, subject: int | None, params: dict[str, Any], inputs: Mapping[str, Any]
    ) -> Job:
        """Give a job its name and key."""
        version = int(import_module(f"brainflix.{stage}.stage").VERSION)
        parameters: dict[str, Any] = {"part": part, "step": step, "subject": subject, "params": params}
        # Downloads depend on the dataset's own seed only; compat touches every other stage.
        if stage != "download":
            parameters |= {"seed": self.recipe.seed, "compat": self.recipe.compat}
        keys = {role: [ref.key for ref in refs] for role, refs in inputs.items()}
        name = artifact_name(self.recipe.dataset.name, stage, step, subject)
        key = artifact_key(STAGES[stage], version, parameters, keys, self.dataset.revision)
        return Job(
            stage=stage,
            step=step,
            part=part,
            subject=subject,
            params=params,
            ref=Ref(STAGES[stage], name, key),
            inputs=dict(inputs),
            seed=self.recipe.seed,
            dataset=self.recipe.dataset.name,
            recipe=self.recipe.recipe,
            revision=self.dataset.revision,
            compat=self.recipe.compat,
        )

    def _report(self) -> tuple[Job, tuple[Place, ...], str]:
        """The report reads every score, and through their manifests all that made them."""
        places = tuple(place for place in self.places if place[0] not in ("download", "train"))
        inputs: dict[str, tuple[Ref, ...]] = {}
        for place in places:
            inputs[place[0]] = (*inputs.get(place[0], ()), self.places[place])
        params = {"recipe": self.recipe.model_dump(mode="json", by_alias=True)}
        job = self._build("report", "", "html", None, params, inputs)
        return replace(job, ref=Ref("report", self.recipe.recipe, job.ref.key)), places, ""


def artifact_name(dataset: str, stage: str, step: str, subject: int | None) -> str:
    """Return the name of an artifact: `demo-sub-1-z`, `demo-stimuli`, `demo-mbm`."""
    who = [] if subject is None else [f"sub-{subject}"]
    what = [] if not step or (stage, step) == ("download", "bold") else [step]
    return "-".join([dataset, *who, *what])


def _ordered(stage: str, steps: Mapping[str, Step]) -> list[tuple[str, Step]]:
    """Order a section's steps so that each comes after the steps of the same section that it reads."""
    left, done = dict(steps), []
    while left:
        ready = [
            name
            for name, step in left.items()
            if not any(s.stage == stage and s.step in left for group in step.inputs.values() for s in group)
        ]
        if not ready:
            raise UsageError(f"the steps of {stage} wait for one another: {', '.join(left)}")
        done += [(name, left.pop(name)) for name in ready]
    return done


def _subjects(step: Step, recipe: Recipe) -> Sequence[int | None]:
    if step.subjects == "each":
        return recipe.dataset.subjects
    if isinstance(step.subjects, tuple):
        return [subject for subject in recipe.dataset.subjects if subject in step.subjects]
    return [None]


def _choose(options: list[Place], source: Source, subject: int | None, where: str) -> list[Place]:
    """Pick the places of the subjects that a source names."""
    if options[0][2] is None:
        return options
    if source.subjects == "all" or (source.subjects == "own" and subject is None):
        return options
    if source.subjects == "others":
        return [place for place in options if place[2] != subject]
    numbers = (subject,) if source.subjects == "own" else source.subjects
    chosen = [place for place in options if place[2] in numbers]
    if len(chosen) < len(numbers):
        raise UsageError(f"{where}: {source.stage}.{source.step} has no subject {numbers}")
    return chosen


def _validated(part: registry.Part, params: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the part's parameters with defaults filled in, as plain values.

    Raises:
        UsageError: an unknown or wrong parameter.
    """
    model = part.load_params()
    try:
        values: dict[str, Any] = model.model_validate(dict(params)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(piece) for piece in first["loc"])
        hint = did_you_mean(name, model.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"{where}.{name}: {first['msg']}", why=hint) from error
    return values
