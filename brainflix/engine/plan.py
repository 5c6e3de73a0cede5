"""Recipe + store -> ordered jobs, each marked cached, to run, or blocked with the reason. Reads no data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from brainflix.errors import UsageError
from brainflix.parts.contract import STAGES, Job
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import find, parts
from brainflix.recipe.files import load_recipe
from brainflix.recipe.parameters import check_compat, validated
from brainflix.recipe.schema import Recipe, Step
from brainflix.recipe.wiring import Place, check_roles, is_own, nobody, ordered, resolve, stage_place, subjects_of
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.wording import did_you_mean

CACHED, TO_RUN, BLOCKED = "cached", "to run", "blocked"


@dataclass(frozen=True)
class Planned:
    """A job and what will happen to it.

    Attributes:
        place: where the job stands in the recipe, or in another one that it reads from.
        job: the job.
        status: "cached", "to run" or "blocked".
        why: the reason, for people.
        needs: places of the jobs whose results it reads.
    """

    place: Place
    job: Job
    status: str
    why: str
    needs: tuple[Place, ...]


@dataclass(frozen=True)
class Selection:
    """Which of a recipe's jobs are wanted: None means all.

    Attributes:
        stage, step: only this verb, only this step of it.
        subjects: only these subjects; steps of all subjects only if `stage` names them or they are needed.
        inputs: refs that replace a role's inputs.
        alone: leave out what the selected jobs need; they must be in the store.
    """

    stage: str | None = None
    step: str | None = None
    subjects: tuple[int, ...] | None = None
    inputs: Mapping[str, tuple[Ref, ...]] | None = None
    alone: bool = False


@dataclass(frozen=True)
class _Draft:
    """A job before the store is asked.

    Attributes:
        place, job, needs: as in `Planned`.
        trouble: why it cannot be run here, or "".
        refusal: why no recipe can ask for it; raised only if the job is wanted.
    """

    place: Place
    job: Job
    needs: tuple[Place, ...] = ()
    trouble: str = ""
    refusal: UsageError | None = None


def make_plan(recipe: Recipe, store: Store, selection: Selection = Selection()) -> list[Planned]:
    """Expand a recipe into ordered jobs.

    Raises:
        UsageError: an unknown dataset, step, subject, parameter or role, or a role without any subject; names it.
    """
    check_compat(recipe)
    drafts = {draft.place: draft for draft in _Expander(recipe, selection).drafts()}
    wanted = _wanted(drafts, recipe, selection)
    planned: dict[Place, Planned] = {}
    for place, draft in drafts.items():
        if place in wanted:
            if draft.refusal:
                raise draft.refusal
            planned[place] = _mark(draft, planned, store)
    return list(planned.values())


def _wanted(drafts: Mapping[Place, _Draft], recipe: Recipe, selection: Selection) -> set[Place]:
    """Return the selected places and, unless they stand alone, everything that they need."""
    chosen = _chosen(drafts, recipe, selection)
    if selection.alone:
        return chosen
    todo = list(chosen)
    while todo:
        for need in drafts[todo.pop()].needs:
            if need not in chosen:
                chosen.add(need)
                todo.append(need)
    return chosen


def _chosen(places: Collection[Place], recipe: Recipe, selection: Selection) -> set[Place]:
    """Return the places that the selection names itself."""
    subjects = selection.subjects
    if subjects and (unknown := set(subjects) - set(recipe.dataset.subjects)):
        raise UsageError(
            f"recipe {recipe.recipe} has no subject {min(unknown)}", why=f"it has {recipe.dataset.subjects}"
        )
    if subjects and selection.stage == "report":
        raise UsageError("a report is about all subjects of a recipe", next="leave --subject out")
    own = [place for place in places if is_own(place)]
    named = {place for place in own if selection.stage in (None, place[0]) and selection.step in (None, place[1])}
    if not named:
        raise UsageError(f"recipe {recipe.recipe} has no step {selection.stage}.{selection.step or ''}".rstrip("."))
    if subjects is None:
        return named
    # Steps of all subjects, the report among them, come only if they are named or needed.
    chosen = {place for place in named if place[2] in subjects or (place[2] is None and selection.stage is not None)}
    if not chosen:
        step = f"{selection.stage}.{selection.step or ''}".rstrip(".")
        raise UsageError(f"recipe {recipe.recipe} has no step {step} for subject {subjects[0]}")
    return chosen


def _mark(draft: _Draft, planned: Mapping[Place, Planned], store: Store) -> Planned:
    """Decide what happens to one job, given what happens to those before it."""
    job, needs = draft.job, draft.needs
    mark = partial(Planned, draft.place, job, needs=needs)
    if draft.trouble:
        return mark(BLOCKED, draft.trouble)
    if store.has(job.ref):
        return mark(CACHED, "in the store with the same key")
    blocked = [planned[need] for need in needs if need in planned and planned[need].status == BLOCKED]
    if blocked:
        return mark(BLOCKED, f"needs {blocked[0].job.ref}, which is blocked")
    coming = {planned[need].job.ref for need in needs if need in planned}
    for ref in (ref for refs in job.inputs.values() for ref in refs):
        if ref not in coming and not store.has(ref):
            return mark(BLOCKED, f"{ref} is not in the store")
    return mark(TO_RUN, "not in the store")


class _Expander:
    """Walks a recipe in the order of the verbs and turns each step into jobs with keys.

    `readers` are the recipes that read from this one, outermost first.
    """

    def __init__(self, recipe: Recipe, selection: Selection, readers: tuple[str, ...] = ()) -> None:
        self.recipe, self.selection, self.readers = recipe, selection, readers
        self.part = find("dataset", recipe.dataset.name)
        self.dataset: Dataset = self.part.load()
        self.places: dict[Place, Ref] = {}

    def drafts(self) -> Iterator[_Draft]:
        """Yield every job of the recipe, each after those that it reads."""
        for name, last in self.recipe.others().items():
            yield from self._drafts_of(name, last)
        for job in self._downloads():
            place = job.stage, job.step, job.subject
            self.places[place] = job.ref
            yield _Draft(place, job)
        for stage in STAGES:
            for name, step in ordered(stage, self.recipe.steps.get(stage, {})):
                for subject in subjects_of(step, self.recipe):
                    draft = self._draft(stage, name, step, subject)
                    self.places[draft.place] = draft.job.ref
                    yield draft
        if self.recipe.steps.get("evaluate"):
            yield self._report()

    def _drafts_of(self, name: str, last: str) -> Iterator[_Draft]:
        """Yield the jobs of another recipe that this one reads from, up to the last stage that it reads."""
        readers = (*self.readers, self.recipe.recipe)
        if name in readers:
            raise UsageError(f"recipe {name} reads from itself", why=" reads from ".join([*readers, name]))
        for draft in _Expander(load_recipe(name).until(last), Selection(), readers).drafts():
            place, *needs = (_place_in(name, each) for each in (draft.place, *draft.needs))
            if place not in self.places:
                self.places[place] = draft.job.ref
                yield replace(draft, place=place, needs=tuple(needs))

    def _downloads(self) -> Iterator[Job]:
        choice = self.recipe.dataset
        if unknown := set(choice.subjects) - set(self.dataset.subjects):
            raise UsageError(f"{choice.name} has no subject {min(unknown)}", why=f"it has {self.dataset.subjects}")
        params = validated(self.part, choice.params, "dataset")
        stimuli = {name: value for name, value in params.items() if name in self.dataset.stimulus_params}
        yield self._build("download", "stimuli", choice.name, None, stimuli, {})
        for subject in choice.subjects:
            yield self._build("download", "bold", choice.name, subject, params, {})

    def _draft(self, stage: str, name: str, step: Step, subject: int | None) -> _Draft:
        where = f"{stage}.{name}".rstrip(".")
        params, trouble = self._params(stage, step, where)
        given = self._overrides(step, where) if self._is_selected(stage, name) else {}
        needs: list[Place] = []
        inputs: dict[str, tuple[Ref, ...]] = dict(given)
        refusal = None
        for role, sources in step.inputs.items():
            if role in given:
                continue
            for source in sources:
                found = resolve(source, self.places, subject, where)
                refusal = refusal or (None if found else nobody(where, role, source, subject))
                inputs[role] = (*inputs.get(role, ()), *(self.places[place] for place in found))
                needs += found
        job = self._build(stage, name, step.part, subject, params, inputs)
        return _Draft((stage, name, subject), job, tuple(needs), trouble, refusal)

    def _params(self, stage: str, step: Step, where: str) -> tuple[dict[str, Any], str]:
        """Return a step's parameters, and why it cannot be run or ""; a part that is not there is not checked."""
        if step.part not in parts(stage):
            near = did_you_mean(step.part, parts(stage))
            return dict(step.params), f"part {step.part!r} is not available ({near})"
        part = find(stage, step.part)
        check_roles(part, step, stage, where)
        return validated(part, step.params, where, self.recipe.compat), ""

    def _is_selected(self, stage: str, name: str) -> bool:
        return bool(self.selection.inputs) and self.selection.stage == stage and self.selection.step in (None, name)

    def _overrides(self, step: Step, where: str) -> Mapping[str, tuple[Ref, ...]]:
        given = self.selection.inputs or {}
        for role in given:
            if role not in step.inputs:
                raise UsageError(f"{where} has no input {role!r}", why=did_you_mean(role, step.inputs))
        return given

    def _build(
        self, stage: str, step: str, part: str, subject: int | None, params: dict[str, Any], inputs: Mapping[str, Any]
    ) -> Job:
        """Give a job its name and key."""
        version = int(import_module(f"brainflix.{stage}.stage").VERSION)
        parameters: dict[str, Any] = {"part": part, "step": step, "subject": subject, "params": params}
        # Downloads depend on the dataset's own seed only.
        if stage != "download":
            parameters["seed"] = self.recipe.seed
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
        )

    def _report(self) -> _Draft:
        """The report reads every score, and through their manifests all that made them."""
        shown = [place for place in self.places if is_own(place)]
        places = tuple(place for place in shown if place[0] not in ("download", "train"))
        inputs: dict[str, tuple[Ref, ...]] = {}
        for place in places:
            inputs[place[0]] = (*inputs.get(place[0], ()), self.places[place])
        params = {"recipe": self.recipe.model_dump(mode="json", by_alias=True)}
        job = self._build("report", "", "html", None, params, inputs)
        return _Draft(("report", "", None), replace(job, ref=Ref("report", self.recipe.recipe, job.ref.key)), places)


def _place_in(recipe: str, place: Place) -> Place:
    """Return a place of another recipe, unless it is one of a third already."""
    return place if not is_own(place) else (stage_place(recipe, place[0]), *place[1:])


def artifact_name(dataset: str, stage: str, step: str, subject: int | None) -> str:
    """Return the name of an artifact: `demo-sub-1-z`, `demo-stimuli`, `demo-mbm`."""
    who = [] if subject is None else [f"sub-{subject}"]
    what = [] if not step or (stage, step) == ("download", "bold") else [step]
    return "-".join([dataset, *who, *what])
