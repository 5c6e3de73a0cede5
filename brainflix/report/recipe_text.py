"""A validated recipe back to the YAML that a person would write, so that it can be saved and run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from brainflix.recipe.schema import DEFAULT_INPUTS, DEFAULT_SUBJECTS, Source
from brainflix.recipe.wiring import stage_place


class _Plain(yaml.SafeDumper):
    """Dumper without aliases (recipes are read without them)."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        """Write a list of plain values on one line."""
        values = list(sequence)
        plain = not any(isinstance(each, (dict, list, tuple)) for each in values)
        return super().represent_sequence(tag, values, flow_style=plain or flow_style)


def recipe_yaml(recipe: Mapping[str, Any]) -> str:
    """Return a recipe (plain values of a `Recipe`, by alias) as YAML that reads back the same."""
    return yaml.dump(as_written(recipe), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)


def as_written(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the normalisation of a recipe: sections at the top, parameters inline, inputs as text, defaults left out."""
    top = {name: value for name, value in recipe.items() if name not in ("dataset", "steps")}
    body = {name: value for name, value in top.items() if value not in ("", None)}
    dataset = dict(recipe.get("dataset") or {})
    params = dataset.pop("params", None) or {}
    body["dataset"] = {**dataset, **params}
    for stage, steps in (recipe.get("steps") or {}).items():
        written = {name: _step(stage, step) for name, step in steps.items()}
        body[stage] = written[""] if list(written) == [""] else written
    return body


def _step(stage: str, step: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"part": step["part"]}
    if step.get("subjects", "each") != DEFAULT_SUBJECTS.get(stage, "each"):
        written["subjects"] = step["subjects"]
    inputs = {role: [_source(source) for source in sources] for role, sources in (step.get("inputs") or {}).items()}
    defaults = {role: [_source(Source.parse(text).model_dump(mode="json"))] for role, text in _defaults(stage).items()}
    if inputs != defaults:
        written["inputs"] = {role: texts[0] if len(texts) == 1 else texts for role, texts in inputs.items()}
    return {**written, **(step.get("params") or {})}


def _defaults(stage: str) -> dict[str, str]:
    return DEFAULT_INPUTS.get(stage, {})


def _source(source: Mapping[str, Any]) -> str:
    stage = stage_place(source.get("recipe", ""), source["stage"])
    place = f"{stage}.{source['step']}" if source.get("step") else stage
    subjects = source.get("subjects", "own")
    if subjects == "own":
        return place
    return f"{place}[{subjects if isinstance(subjects, str) else ','.join(map(str, subjects))}]"
