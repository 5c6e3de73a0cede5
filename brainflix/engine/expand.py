"""Recipe -> jobs with keys, each after those that it reads; the store is not asked yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from brainflix.engine.draft import EVERYTHING, Draft, Selection
from brainflix.engine.job import Job
from brainflix.errors import BrainflixError, MissingError, UsageError
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import find, parts
from brainflix.parts.params import AnyParams
from brainflix.parts.part import FIT, Part
from brainflix.parts.stages import STAGES, category_of
from brainflix.recipe.files import load_recipe
from brainflix.recipe.parameters import validated
from brainflix.recipe.schema import Recipe, Source, Step
from brainflix.recipe.wiring import (
    Place,
    check_roles,
    is_own,
    nobody,
    ordered,
    output_place,
    resolve,
    stage_place,
    subjects_of,
)
from brainflix.store.keys import artifact_key, keyed_parameters
from brainflix.store.refs import Ref
from brainflix.wording import did_you_mean


class Expander:
    """Walks a recipe in the order of the verbs and turns each step into jobs with keys.

    `readers` are the recipes that read from this one, outermost first.
    """

    def __init__(self, recipe: Recipe, selection: Selection, readers: tuple[str, ...] = ()) -> None:
        self.recipe, self.selection, self.readers = recipe, selection, readers
        self.part = find("dataset", recipe.dataset.name)
        self.dataset: Dataset = self.part.load()
        self.places: dict[Place, Ref] = {}
        # Where the job stands that makes what stands at a place.
        self.makers: dict[Place, Place] = {}

    def drafts(self) -> Iterator[Draft]:
        """Yield every job of the recipe, each after those that it reads."""
        for name, last in self.recipe.others().items():
            yield from self._drafts_of(name, last)
        for job in self._downloads():
            place = job.stage, job.step, job.subject
            self._note(place, job)
            yield Draft(place, job)
        for stage in STAGES:
            for name, step in ordered(stage, self.recipe.steps.get(stage, {})):
                for subject in subjects_of(step, self.recipe):
                    for draft in self._drafts(stage, name, step, subject):
                        self._note(draft.place, draft.job)
                        yield draft
        if self.recipe.steps.get("evaluate"):
            yield self._report()

    def _note(self, place: Place, job: Job) -> None:
        """Remember where the outputs of a job stand in the recipe."""
        found = {output_place(place, name): ref for name, ref in job.outputs.items()}
        self.places |= found
        self.makers |= dict.fromkeys(found, place)

    def _drafts_of(self, name: str, last: str) -> Iterator[Draft]:
        """Yield the jobs of another recipe that this one reads from, up to the last stage that it reads."""
        readers = (*self.readers, self.recipe.recipe)
        if name in readers:
            raise UsageError(f"recipe {name} reads from itself", why=" reads from ".join([*readers, name]))
        for draft in Expander(load_recipe(name).until(last), EVERYTHING, readers).drafts():
            place, *needs = (_place_in(name, each) for each in (draft.place, *draft.needs))
            if place not in self.places:
                self._note(place, draft.job)
                yield replace(draft, place=place, needs=tuple(needs))

    def _downloads(self) -> Iterator[Job]:
        choice = self.recipe.dataset
        if unknown := set(choice.subjects) - set(self.dataset.subjects):
            raise UsageError(f"{choice.name} has no subject {min(unknown)}", why=f"it has {self.dataset.subjects}")
        params = validated(self.part, choice.params, "dataset")
        chosen = {name: value for name, value in params.model_dump().items() if name in self.dataset.stimulus_params}
        stimuli = AnyParams.model_validate(chosen)
        yield self._build("download", "stimuli", choice.name, None, stimuli, {})
        if self.dataset.split_params:
            kept = {name: each for name, each in params.model_dump().items() if name not in self.dataset.split_params}
            params = AnyParams.model_validate(kept)
        for subject in choice.subjects:
            yield self._build("download", "bold", choice.name, subject, params, {})

    def _drafts(self, stage: str, name: str, step: Step, subject: int | None) -> Iterator[Draft]:
        """Yield the job of a step for one subject, after the fit that it shares with other subjects if there is one."""
        where = f"{stage}.{name}".rstrip(".")
        part, params, trouble, error = self._part(stage, step, where)
        found, refusal = self._inputs(stage, name, step, subject, where)
        if part is not None and part.fit is not None:
            read = {role: each for role, each in found.items() if role in part.fit.reads}
            whose = None if all(self._is_shared(step, role) for role in read) else subject
            place: Place = (stage, f"{name}:{FIT}", whose)
            if place not in self.places:
                job = self._build(stage, place[1], step.part, whose, params, _refs(read), is_fit=True)
                yield Draft(place, job, _needs(read), trouble, error, refusal)
            kept = {role: each for role, each in found.items() if role not in part.fit.alone}
            found = {**kept, FIT: [(self.places[place], place)]}
        job = self._build(stage, name, step.part, subject, params, _refs(found))
        yield Draft((stage, name, subject), job, _needs(found), trouble, error, refusal)

    def _inputs(
        self, stage: str, name: str, step: Step, subject: int | None, where: str
    ) -> tuple[dict[str, list[tuple[Ref, Place | None]]], UsageError | None]:
        """Return a step's inputs by role, each with the place of the job that makes it, and why it cannot have them."""
        given = self._overrides(step, where) if self._is_selected(stage, name) else {}
        found: dict[str, list[tuple[Ref, Place | None]]] = {
            role: [(ref, None) for ref in refs] for role, refs in given.items()
        }
        refusal = None
        for role, sources in step.inputs.items():
            for source in () if role in given else sources:
                places = resolve(source, self.places, subject, where)
                refusal = refusal or (None if places else nobody(where, role, source, subject))
                found.setdefault(role, []).extend((self.places[place], self.makers[place]) for place in places)
        return found, refusal

    def _is_shared(self, step: Step, role: str) -> bool:
        """Say whether a role reads the same for every subject of its step."""
        return not any(self._varies(source) for source in step.inputs.get(role, ()))

    def _varies(self, source: Source) -> bool:
        places = [
            place for place in self.places if place[:2] == (stage_place(source.recipe, source.stage), source.step)
        ]
        return source.subjects in ("own", "others") and any(place[2] is not None for place in places)

    def _part(self, stage: str, step: Step, where: str) -> tuple[Part | None, BaseModel, str, BrainflixError | None]:
        """Return a step's part and parameters, why it cannot be run or "", and what running it would raise.

        What is not there, a part or weights in a folder, is not checked.
        """
        if step.part not in parts(stage):
            near = did_you_mean(step.part, parts(stage))
            return None, AnyParams.model_validate(step.params), f"part {step.part!r} is not available ({near})", None
        part = find(stage, step.part)
        check_roles(part, step, stage, where)
        try:
            return part, validated(part, step.params, where, self.recipe.compat), "", None
        except MissingError as error:
            told = MissingError(f"{where}: {error.what}", why=error.why, next=error.next)
            return part, AnyParams.model_validate(step.params), told.what, told

    def _is_selected(self, stage: str, name: str) -> bool:
        return bool(self.selection.inputs) and self.selection.stage == stage and self.selection.step in (None, name)

    def _overrides(self, step: Step, where: str) -> Mapping[str, tuple[Ref, ...]]:
        given = self.selection.inputs or {}
        for role in given:
            if role not in step.inputs:
                raise UsageError(f"{where} has no input {role!r}", why=did_you_mean(role, step.inputs))
        return given

    def _build(
        self,
        stage: str,
        step: str,
        part: str,
        subject: int | None,
        params: BaseModel,
        inputs: Mapping[str, tuple[Ref, ...]],
        *,
        is_fit: bool = False,
    ) -> Job:
        """Give a job its name and key."""
        version = int(import_module(f"brainflix.{stage}.stage").VERSION)
        plain = params.model_dump(mode="json")
        recorded: dict[str, Any] = {**plain, "part": part, "step": step, "subject": subject}
        declared = parts(category_of(stage)).get(part)
        if package := declared.origin if declared else "":
            # Changed code is never served from the cache: another version makes another artifact.
            recorded["package"] = package
        # Downloads depend on the dataset's own seed only.
        parameters = keyed_parameters(recorded, None if stage == "download" else self.recipe.seed)
        keys = {role: [ref.key for ref in refs] for role, refs in inputs.items()}
        name = artifact_name(self.recipe.dataset.name, stage, step, subject)
        kinds = declared.kinds(stage) if declared else {"": STAGES[stage]}
        if is_fit and declared and declared.fit:
            kinds = {"": declared.fit.kind}
        key = artifact_key(kinds[""], version, parameters, keys, self.dataset.revision)
        others = {each: Ref(kind, f"{name}-{each}", key) for each, kind in kinds.items() if each}
        return Job(
            stage=stage,
            step=step,
            part=part,
            subject=subject,
            params=params,
            ref=Ref(kinds[""], name, key),
            inputs=dict(inputs),
            seed=self.recipe.seed,
            dataset=self.recipe.dataset.name,
            recipe=self.recipe.recipe,
            revision=self.dataset.revision,
            package=package,
            others=others,
            is_fit=is_fit,
        )

    def _report(self) -> Draft:
        """The report reads every score of its subjects, and through their manifests all that made them."""
        everybody, asked = self.recipe.dataset.subjects, self.selection.subjects
        subjects = everybody if asked is None else tuple(each for each in everybody if each in asked)
        places = tuple(place for place in self.places if _is_shown(place) and place[2] in (None, *subjects))
        inputs: dict[str, tuple[Ref, ...]] = {}
        for place in places:
            inputs[place[0]] = (*inputs.get(place[0], ()), self.places[place])
        # One of all subjects does not name them: the recipe does.
        chosen = {} if subjects == everybody else {"subjects": list(subjects)}
        plain = self.recipe.model_dump(mode="json", by_alias=True)
        job = self._build("report", "", "html", None, AnyParams.model_validate({"recipe": plain, **chosen}), inputs)
        name = _report_name(self.recipe.recipe, subjects if chosen else ())
        return Draft(("report", "", None), replace(job, ref=Ref("report", name, job.ref.key)), places)


def _is_shown(place: Place) -> bool:
    """Say whether a report reads what stands at a place: no fits or further outputs, which stand behind a colon."""
    return is_own(place) and ":" not in place[1] and place[0] not in ("download", "train")


def _report_name(recipe: str, subjects: Sequence[int]) -> str:
    """Return the name of a report of some subjects; of all where none are given."""
    if len(subjects) < 2:
        return "-sub-".join([recipe, *map(str, subjects)])
    return f"{recipe}-{len(subjects)}-subjects"


def _refs(found: Mapping[str, list[tuple[Ref, Place | None]]]) -> dict[str, tuple[Ref, ...]]:
    return {role: tuple(ref for ref, _ in each) for role, each in found.items()}


def _needs(found: Mapping[str, list[tuple[Ref, Place | None]]]) -> tuple[Place, ...]:
    return tuple(place for each in found.values() for _, place in each if place is not None)


def _place_in(recipe: str, place: Place) -> Place:
    """Return a place of another recipe, unless it is one of a third already."""
    return place if not is_own(place) else (stage_place(recipe, place[0]), *place[1:])


def artifact_name(dataset: str, stage: str, step: str, subject: int | None) -> str:
    """Return the name of an artifact: `demo-sub-1-z`, `demo-stimuli`, `demo-mbm`."""
    who = [] if subject is None else [f"sub-{subject}"]
    # What belongs to a step without a name is called by its stage: `demo-align-fit`.
    step = f"{stage}{step}" if step.startswith(":") else step
    what = [] if not step or (stage, step) == ("download", "bold") else [step.replace(":", "-")]
    return "-".join([dataset, *who, *what])
