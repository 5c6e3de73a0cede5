"""Recipes: YAML -> frozen models. A recipe says what is computed; where and how fast is in the settings.

A section holds either one step (it has a `part`) or several named steps. A step names its part, its inputs by role, the
subjects that it runs for and, inline, the part's parameters. An input is `stage`, `stage.step`, or either with the
subjects in brackets: `align[all]`, `align[others]`, `align[1,2]`; without brackets it is the step's own subject.
`compat` names a paper whose released behaviour is wanted: it is the value of that parameter for every part that has it.
`presets` hold changes by name, for `--preset`. An input may also come from another recipe, as `bmd/preprocess[all]`:
its steps run as that recipe says, so that several data sets can be pooled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from brainflix.changes import HEAD, PRESETS, apply_preset
from brainflix.changes import apply_change as apply_change
from brainflix.contract import SECTIONS, STAGES
from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.wording import did_you_mean

SCHEMA = 1
# A recipe is a page of text; more is a mistake or an attack.
MAX_BYTES = 256 * 1024
DEFAULT_INPUTS: dict[str, dict[str, str]] = {
    "preprocess": {"raw": "download.bold", "stimuli": "download.stimuli"},
    "align": {"bold": "preprocess", "group": "preprocess[all]"},
    "targets": {"stimuli": "download.stimuli"},
}
DEFAULT_SUBJECTS = {"targets": "none", "train": "pooled"}
_FROZEN = ConfigDict(frozen=True, extra="forbid")
_SOURCE = re.compile(
    r"((?P<recipe>[A-Za-z0-9._-]+)/)?(?P<stage>[a-z]+)(\.(?P<step>[A-Za-z0-9_-]+))?(\[(?P<subjects>own|all|others|\d+(,\d+)*)\])?"
)
_FOLDERS = (
    Path("recipes"),
    Path(__file__).resolve().parent / "recipes",
    Path(__file__).resolve().parents[1] / "recipes",
)


class Source(BaseModel):
    """Where an input comes from: a stage, its step, and the subjects ("own", "all", "others" or numbers).

    `recipe` is the name of another recipe, or "" for the one that the step stands in.
    """

    model_config = _FROZEN

    stage: str
    step: str = ""
    subjects: Literal["own", "all", "others"] | tuple[int, ...] = "own"
    recipe: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read `[recipe/]stage[.step][[subjects]]`.

        Raises:
            ValueError: another form or an unknown stage.
        """
        match = _SOURCE.fullmatch(text.replace(" ", ""))
        if not match or match["stage"] not in STAGES:
            raise ValueError(f"{text!r} is not stage, stage.step or stage.step[all, others or numbers]")
        subjects: Any = match["subjects"] or "own"
        if match["recipe"] and subjects == "others":
            raise ValueError(f"{text!r}: another recipe's subjects are all others; say all, or numbers")
        if subjects[0].isdigit():
            subjects = tuple(int(number) for number in subjects.split(","))
        return cls(stage=match["stage"], step=match["step"] or "", subjects=subjects, recipe=match["recipe"] or "")


class Step(BaseModel):
    """One step of a section."""

    model_config = _FROZEN

    part: str
    subjects: Literal["each", "pooled", "none"] | tuple[int, ...] = "each"
    inputs: Mapping[str, tuple[Source, ...]] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)


class DatasetChoice(BaseModel):
    """Which dataset, which of its subjects, and its own parameters."""

    model_config = _FROZEN

    name: str
    subjects: tuple[int, ...] = Field(min_length=1)
    params: Mapping[str, Any] = Field(default_factory=dict)


class Recipe(BaseModel):
    """One method on one dataset, in full."""

    model_config = _FROZEN

    recipe: str = Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")
    schema_version: Literal[1] = Field(1, alias="schema")
    about: str = ""
    method: str = ""
    compat: str | None = None
    seed: int = Field(0, ge=0)
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
    given = step.get("inputs", DEFAULT_INPUTS.get(stage, {}))
    if not isinstance(given, dict):
        raise ValueError(f"{where}.inputs is a mapping of roles to steps, as {{rows: align}}, not {given!r}")
    found = {role: _sources(value, f"{where}.inputs.{role}") for role, value in given.items()}
    # An empty list is a role that is not given: `--set evaluate.inputs.oracle=[]` leaves the oracle out.
    step["inputs"] = {role: sources for role, sources in found.items() if sources}
    step.setdefault("subjects", DEFAULT_SUBJECTS.get(stage, "each"))
    return step


def _sources(value: Any, where: str) -> tuple[Source, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where} is a step, as align or train.mbm, or a list of steps, not {value!r}")
    try:
        return tuple(Source.parse(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _inline(raw: Any, own: set[str], where: str) -> dict[str, Any]:
    """Split a mapping into its own keys and `params`."""
    if not isinstance(raw, dict):
        raise ValueError(f"{where} is a mapping")
    if "params" in raw:
        raise ValueError(f"{where}: parameters stand inline, without `params`")
    return {k: v for k, v in raw.items() if k in own} | {"params": {k: v for k, v in raw.items() if k not in own}}


def find_recipe(name_or_path: str) -> Path:
    """Return the file of a recipe given by name or by path.

    Raises:
        MissingError: there is no such file.
        UsageError: no recipe of this name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = list_recipes()
    if name_or_path in known:
        return known[name_or_path]
    # A path that leads nowhere is missing, a name that nobody knows is mistyped.
    kind = MissingError if path.suffix in (".yaml", ".yml") or "/" in name_or_path else UsageError
    raise kind(
        f"no recipe {name_or_path!r}", why=did_you_mean(Path(name_or_path).stem, known), next="brainflix list recipes"
    )


def list_recipes() -> dict[str, Path]:
    """Return every recipe that can be run by name."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def load_recipe(name_or_path: str, changes: Sequence[str] = (), preset: str | None = None) -> Recipe:
    """Read a recipe, apply one of its presets, then `a.b=c` changes.

    Raises:
        MissingError: no such file.
        UsageError: not YAML, or not a recipe; names the place.
        IntegrityError: it asks for something to be made or run.
    """
    path = find_recipe(name_or_path)
    raw = apply_preset(_read_mapping(path), preset)
    for change in changes:
        raw = apply_change(raw, change)
    return parse_recipe(raw, path.name)


def presets_of(name_or_path: str) -> tuple[str, ...]:
    """Return the names of a recipe's presets; raises as `load_recipe`."""
    return tuple(_read_mapping(find_recipe(name_or_path)).get(PRESETS) or ())


def _read_mapping(path: Path) -> dict[str, Any]:
    raw = _read_yaml(path)
    if not isinstance(raw, dict):
        raise UsageError(f"{path.name} is not a recipe", why="a recipe is a mapping")
    return raw


def _read_yaml(path: Path) -> Any:
    """Read YAML without running anything: safe tags only, limited size, no aliases (no billion laughs)."""
    text = path.read_bytes()
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path.name} is larger than {MAX_BYTES // 1024} KiB", why="a recipe is a page of text")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise UsageError(f"{path.name} uses YAML aliases", why="recipes are read without them")
        return yaml.safe_load(text)
    except yaml.constructor.ConstructorError as error:
        # A tag asks for something to be made; whoever wrote it wanted more than a recipe.
        raise IntegrityError(f"{path.name} uses a YAML tag", why=" ".join(str(error).split())) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid YAML", why=" ".join(str(error).split())) from error


def parse_recipe(raw: Any, name: str = "recipe") -> Recipe:
    """Validate what YAML gave.

    Raises:
        UsageError: names the first place that is wrong.
    """
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = _hint(where) if first["type"] == "extra_forbidden" else ""
        # What the checks above found names its place itself.
        what = first["msg"].removeprefix("Value error, ")
        raise UsageError(": ".join(filter(None, (name, where, what))), why=hint) from error


def _hint(where: str) -> str:
    return did_you_mean(where.split(".")[-1], [*HEAD, *SECTIONS])
