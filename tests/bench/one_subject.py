"""Scores of the demo's first subject alone, in a world that is asked for: what the scripts beside this file compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainflix.engine.draft import Selection
from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute, summary
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.store import Store

ALONE = (
    "dataset.subjects=[1]",
    "align.group.part=none",
    "align.group.n_iterations=1",
    # No score of the videos depends on the other rows of the table.
    "evaluate.inputs.transfer=[]",
    "evaluate.inputs.baselines=[]",
    "evaluate.inputs.oracle=[]",
)


def scores(store: Path, changes: Sequence[str], recipe_name: str = "demo") -> dict[str, dict[str, Any]]:
    """Run the chain of one subject with `changes` to the recipe and return its scores by metric."""
    recipe, target = load_recipe(recipe_name, [*ALONE, *changes]), Store(store)
    done = execute(make_plan(recipe, target, Selection(stage="evaluate")), target, load_settings(store=store))
    found: dict[str, dict[str, Any]] = summary(recipe, target, done)["scores"]["1"]
    return found
