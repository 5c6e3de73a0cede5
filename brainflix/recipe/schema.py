"""Recipes as frozen models. A recipe says what is computed; where and how fast is in the settings.

A section holds either one step (it has a `part`) or several named steps. A step names its part, its inputs by role, the
subjects that it runs for and, inline, the part's parameters. An input is `stage`, `stage.step`, or either with the
subjects in brackets: `align[all]`, `align[others]`, `align[1,2]`; without brackets it is the step's own subject. Of a
step that makes several things, `stage.step:output` is one of the further ones.
`compat` names a paper whose released behaviour is wanted: it is the value of that parameter for every part that has it.
`presets` hold changes by name, for `--preset`. An input may also come from another recipe, as `bmd/preprocess[all]`:
its steps run as that recipe says, so that several data sets can be pooled.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from brainflix.errors import UsageError
from brainflix.parts.params import each_once
from brainflix.parts.stages import SECTIONS, STAGES
from brainflix.recipe.changes import HEAD
from brainflix.recipe.renamed import part_now
from brainflix.wording import did_you_mean, shortened

SCHEMA = 1


DEFAULT_INPUTS: dict[str, dict[str, str]] = {
    "preprocess": {"raw": "download.bold", "stimuli": "download.stimuli"},
    "align": {"bold": "preprocess", "group": "preprocess[all]"},
    "targets": {"stimuli": "download.stimuli"},
}


DEFAULT_SUBJECTS = {"targets": "none", "train": "pooled"}


_FROZEN = ConfigDict(frozen=True, extra="forbid")


_SOURCE = re.compile(
    r"((?P<recipe>[A-Za-z0-9._-]+)/)?(?P<stage>[a-z]+)(\.(?P<name>[A-Za-z0-9_-]+))?(:(?P<output>[A-Za-z0-9_-]+))?(\[(?P<subjects>own|all|others|\d+(,\d+)*)\])?"
)


def _no_truth(value: Any) -> Any:
    """Refuse true and false, which would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no number")
    return value


_Whole = Annotated[int, BeforeValidator(_no_truth)]


def _subjects_once(subjects: Any) -> Any:
    """Refuse a list of subjects with true or false in it or with one of them twice; the field checks the rest."""
    if isinstance(subjects, list | tuple):
        each_once([_no_truth(each) for each in subjects if isinstance(each, Hashable)], what="subject")
    return subjects


_Numbers = tuple[int, ...]


class Source(BaseModel):
    """Where an input comes from: a stage, its step, and the subjects ("own", "all", "others" or numbers).

    `recipe` is the name of another recipe, or "" for the one that the step stands in.
    """

    model_config = _FROZEN

    stage: str
    step: str = ""
    subjects: Literal["own", "all", "others"] | _Numbers = "own"
    recipe: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read `[recipe/]stage[.step][:output][[subjects]]`.

        Raises:
            ValueError: another form or an unknown stage.
        """
        match = _SOURCE.fullmatch(text.replace(" ", ""))
        if not match or match["stage"] not in STAGES:
            raise ValueError(f"{shortened(text)!r} is not stage, stage.step or stage.step[all, others or numbers]")
        subjects: Any = match["subjects"] or "own"
        if match["recipe"] and subjects == "others":
            raise ValueError(f"{shortened(text)!r}: another recipe's subjects are all others; say all, or numbers")
        if subjects[0].isdigit():
            subjects = each_once(tuple(int(number) for number in subjects.split(",")), what="subject")
        return cls(
            stage=match["stage"],
            step=_step_text(match["name"], match["output"]),
            subjects=subjects,
            recipe=match["recipe"] or "",
        )


def _step_text(name: str | None, output: str | None) -> str:
    """Return the step of a source; a further output of a step is written behind it, as `keyframe:captions`."""
    return (name or "") + (f":{output}" if output else "")


class Step(BaseModel):
    """One step of a section."""

    model_config = _FROZEN

    part: str
    subjects: Annotated[Literal["each", "pooled", "none"] | _Numbers, BeforeValidator(_subjects_once)] = "each"
    inputs: Mapping[str, tuple[Source, ...]] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)


class DatasetChoice(BaseModel):
    """Which dataset, which of its subjects, and its own parameters."""

    model_config = _FROZEN

    name: str
    subjects: Annotated[_Numbers, BeforeValidator(_subjects_once)] = Field(min_length=1)
    params: Mapping[str, Any] = Field(default_factory=dict)


class Recipe(BaseModel):
    """One method on one dataset, in full."""

    model_config = _FROZEN

    recipe: str = Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")
    schema_version: Literal[1] = Field(1, alias="schema")
    about: str = ""
    method: str = ""
    compat: str | None = None
    seed: _Whole = Field(0, ge=0, lt=2**63)
    dataset: DatasetChoice
    steps: Mapping[str, Mapping[str, Step]]

    def others(self) -> dict[str, str]:
        """Return the other recipes that its steps read from, each with the last of its stages that is read."""
        steps = (step for named in self.steps.values() for step in named.values())
        last: dict[str, str] = {}
        for source in (source for step in steps for group in step.inputs.values() for source in group):
            if source.recipe:
                known = last.get(source.recipe, source.stage)
                last[source.recipe] = max(known, source.stage, key=list(STAGES).index)
        return last

    def until(self, stage: str) -> Recipe:
        """Return the recipe without the stages that come after one."""
        kept = list(STAGES)[: list(STAGES).index(stage) + 1]
        return self.model_copy(update={"steps": {name: self.steps[name] for name in self.steps if name in kept}})

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: Any) -> Any:
        """Move the eight sections under `steps`, one-step sections under the empty name."""
        if not isinstance(raw, dict):
            raise ValueError("a recipe is a mapping")
        if "steps" in raw:
            raise ValueError(f"there is no section steps; {', '.join(SECTIONS)} stand at the top")
        raw = dict(raw)
        sections = {name: raw.pop(name) for name in SECTIONS if name in raw}
        raw["steps"] = {name: _steps(name, section) for name, section in sections.items()}
        return raw

    @field_validator("dataset", mode="before")
    @classmethod
    def _own_params(cls, raw: Any) -> Any:
        """Everything of the dataset section but name and subjects is the dataset's own."""
        return _inline(raw, {"name", "subjects"}, "dataset")


def _steps(stage: str, section: Any) -> dict[str, Any]:
    """Normalise a section into steps by name."""
    if not isinstance(section, dict):
        raise ValueError(f"section {stage} is a mapping")
    named = {"": section} if "part" in section else section
    return {name: _step(stage, name, step) for name, step in named.items()}


def _step(stage: str, name: str, raw: Any) -> dict[str, Any]:
    where = f"{stage}.{name}".rstrip(".")
    step = _inline(raw, {"part", "subjects", "inputs"}, where)
    if isinstance(step.get("part"), str):
        step["part"] = part_now(stage, step["part"])
    given = step.get("inputs", DEFAULT_INPUTS.get(stage, {}))
    if not isinstance(given, dict):
        raise ValueError(
            f"{where}.inputs is a mapping of roles to steps, as {{rows: align}}, not {shortened(repr(given))}"
        )
    found = {role: _sources(value, f"{where}.inputs.{role}") for role, value in given.items()}
    # An empty list is a role that is not given: `--set evaluate.inputs.oracle=[]` leaves the oracle out.
    step["inputs"] = {role: sources for role, sources in found.items() if sources}
    step.setdefault("subjects", DEFAULT_SUBJECTS.get(stage, "each"))
    return step


def _sources(value: Any, where: str) -> tuple[Source, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where} is a step, as align or train.mbm, or a list of steps, not {shortened(repr(value))}")
    try:
        return tuple(Source.parse(text) for text in each_once(texts, what="the step"))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _inline(raw: Any, own: set[str], where: str) -> dict[str, Any]:
    """Split a mapping into its own keys and `params`."""
    if not isinstance(raw, dict):
        raise ValueError(f"{where} is a mapping")
    if "params" in raw:
        raise ValueError(f"{where}: parameters stand inline, without `params`")
    return {k: v for k, v in raw.items() if k in own} | {"params": {k: v for k, v in raw.items() if k not in own}}


def parse_recipe(raw: Any, name: str = "recipe") -> Recipe:
    """Validate what YAML gave.

    Raises:
        UsageError: names the first place that is wrong.
    """
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        # `steps` is ours: a recipe has its sections at the top. The one step of a section has no name.
        where = shortened(".".join(str(part) for part in first["loc"] if part not in ("steps", "")))
        hint = _hint(where) if first["type"] == "extra_forbidden" else ""
        # What the checks above found names its place itself.
        what = shortened(first["msg"].removeprefix("Value error, "))
        raise UsageError(": ".join(filter(None, (name, where, what))), why=hint) from error


def _hint(where: str) -> str:
    return did_you_mean(where.split(".")[-1], [*HEAD, *SECTIONS])
