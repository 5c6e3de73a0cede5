"""The papers that are due for what a recipe uses, as BibTeX: its data sets, its parts, the metrics of its scores.

A data set carries its own entry; a part names keys of `citations.bib`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from brainflix.parts.find import find, parts
from brainflix.parts.stages import category_of
from brainflix.recipe.files import load_recipe
from brainflix.recipe.parameters import validated
from brainflix.recipe.schema import Recipe, Step

FILE = Path(__file__).with_name("citations.bib")
_HEAD = re.compile(r"@(\w+)\{([^,\s]+),")
_COMMENT = "comment"


@dataclass(frozen=True)
class Citation:
    """One paper.

    Attributes:
        key: of its entry.
        bibtex: the entry; of a paper that is known in brief only, a comment that BibTeX skips.
        is_entry: whether it is an entry.
        due_to: what of the recipe uses it, as `dataset bmd`, `regress mlp`, `metric ssim`.
    """

    key: str
    bibtex: str
    is_entry: bool
    due_to: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"key": self.key, "bibtex": self.bibtex, "is_entry": self.is_entry, "due_to": list(self.due_to)}


def citations(recipe: Recipe) -> list[Citation]:
    """Return each paper once: those of data sets first, then in the order of the recipe."""
    texts: dict[str, str] = {}
    users: dict[str, dict[str, None]] = {}
    recipes = [recipe, *_others(recipe, {recipe.recipe})]
    for user, key, text in [*_of_data(recipes), *(each for one in recipes for each in _of_steps(one))]:
        texts.setdefault(key, text)
        users.setdefault(key, {})[user] = None
    return [Citation(key, text, _head(text)[0] != _COMMENT, tuple(users[key])) for key, text in texts.items()]


@lru_cache(maxsize=1)
def known() -> dict[str, str]:
    """Return the entries of `citations.bib` by key."""
    blocks = re.split(r"\n(?=@)", FILE.read_text(encoding="utf-8"))
    return {_head(block)[1]: block.strip() for block in blocks if block.startswith("@")}


def _head(entry: str) -> tuple[str, str]:
    """Return an entry's type and key."""
    found = _HEAD.search(entry)
    if found is None:
        raise ValueError(f"{entry[:40]!r} is no BibTeX")
    return found[1].lower(), found[2]


def _others(recipe: Recipe, seen: set[str]) -> Iterator[Recipe]:
    """Yield the recipes that a recipe reads from, as far as it does, and those that they read from."""
    for name, last in recipe.others().items():
        if name not in seen:
            seen.add(name)
            other = load_recipe(name).until(last)
            yield other
            yield from _others(other, seen)


def _of_data(recipes: list[Recipe]) -> Iterator[tuple[str, str, str]]:
    """Yield (user, key, entry) of the data sets."""
    for name in dict.fromkeys(recipe.dataset.name for recipe in recipes):
        text = find("dataset", name).load().citation.strip()
        if text:
            yield f"dataset {name}", _head(text)[1], text


def _of_steps(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Yield (user, key, entry) of the parts that steps name, and of the metrics that they score by."""
    for stage, steps in recipe.steps.items():
        for step in steps.values():
            yield from _of_part(category_of(stage), step.part)
            for metric in _metrics(stage, step, recipe):
                yield from _of_part("metric", metric)


def _of_part(category: str, name: str) -> Iterator[tuple[str, str, str]]:
    part = parts(category).get(name)
    for key in part.cites if part else ():
        # Another package's part may name a paper that stands in no file here.
        if key in known():
            yield f"{category} {name}", key, known()[key]


def _metrics(stage: str, step: Step, recipe: Recipe) -> list[str]:
    """Return the metrics that a step scores by, if it does."""
    if stage != "evaluate" or step.part not in parts(stage):
        return []
    params = validated(find(stage, step.part), step.params, stage, recipe.compat)
    chosen = getattr(params, "chosen", None)
    return list(dict.fromkeys(each.part for each in chosen().values())) if callable(chosen) else []
