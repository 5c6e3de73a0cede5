"""The plans' record: every job of every recipe and preset, with the ref of what it will make.

python -m tests.record.plans    # write the record anew, after a change that is meant to change keys
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from brainflix.engine.plan import make_plan
from brainflix.recipe.files import list_recipes, load_recipe, presets_of
from brainflix.store.store import Store

RECORD = Path(__file__).with_name("plans.json")
DRAFTS = Path(__file__).parents[1] / "recipes"


def cases() -> dict[str, tuple[str, str | None]]:
    """Return every recipe that ships or is drafted for tests, and each of its presets, by a name of its own."""
    recipes = {**{name: name for name in list_recipes()}, **{f"tests/{p.stem}": str(p) for p in DRAFTS.glob("*.yaml")}}
    presets = [(name, place, preset) for name, place in recipes.items() for preset in (None, *presets_of(place))]
    return {" ".join(filter(None, (name, preset))): (place, preset) for name, place, preset in sorted(presets, key=str)}


def plan_of(place: str, preset: str | None) -> dict[str, str]:
    """Return the refs of a recipe's jobs, by where each stands in it."""
    with tempfile.TemporaryDirectory() as folder:
        planned = make_plan(load_recipe(place, preset=preset), Store(folder))
    return {f"{each.place[0]}.{each.place[1]}/{each.place[2] or 'all'}": str(each.job.ref) for each in planned}


def main() -> None:
    """Write the record."""
    RECORD.write_text(json.dumps({name: plan_of(*case) for name, case in cases().items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
