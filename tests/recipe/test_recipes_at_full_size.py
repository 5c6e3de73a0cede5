"""The shipped recipes of published methods: every part exists, roles fit, presets and other recipes are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.engine.plan import TO_RUN, Planned, make_plan
from brainflix.recipe.files import list_recipes, load_recipe, presets_of
from brainflix.store.store import Store

METHODS = ("brain-netflix-bmd", "brain-netflix-cc2017", "mindvideo-cc2017")
CASES = [(name, preset) for name in METHODS for preset in (None, "tiny")]


def plan_of(name: str, preset: str | None, tmp_path: Path, *changes: str) -> dict[str, Planned]:
    # Without what a person must bring: it is the recipe that is looked at, not the store.
    planned = make_plan(load_recipe(name, changes, preset), Store(tmp_path), by_hand_blocks=False)
    return {f"{p.place[0]}.{p.place[1]}/{p.place[2] or 'all'}": p for p in planned}


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_nothing_of_it_is_blocked(name: str, preset: str | None, tmp_path: Path) -> None:
    plan = plan_of(name, preset, tmp_path)
    assert {planned.status for planned in plan.values()} == {TO_RUN}
    assert list(plan)[-1] == "report./all"


@pytest.mark.parametrize("name", METHODS)
def test_the_tiny_preset_needs_nothing_from_elsewhere(name: str, tmp_path: Path) -> None:
    assert "tiny" in presets_of(name)
    jobs = [planned.job for planned in plan_of(name, "tiny", tmp_path).values()]
    assert {job.dataset for job in jobs} == {"demo"}
    weights = {str(job.plain["weights"]) for job in jobs if "weights" in job.plain}
    assert weights and all(each.startswith("demo/") for each in weights)


def test_masked_modelling_pools_three_data_sets(tmp_path: Path) -> None:
    plan = plan_of("brain-netflix-cc2017", None, tmp_path)
    rows = plan["train.mbm/all"].job.inputs["rows"]
    assert {ref.name.split("-sub-")[0] for ref in rows} == {"cc2017", "bmd", "had"}
    assert len(rows) == 3 + 10 + 30
    alone = plan_of("brain-netflix-cc2017", None, tmp_path, "train.mbm.inputs.rows=preprocess[all]")
    assert not any(place.startswith(("bmd/", "had/")) for place in alone)


def test_compat_reaches_the_parts_that_know_the_paper(tmp_path: Path) -> None:
    plan = plan_of("brain-netflix-cc2017", None, tmp_path, "compat=brainnetflix")
    knowing = {place.split("/")[0] for place, p in plan.items() if p.job.plain.get("compat") == "brainnetflix"}
    assert knowing >= {"targets.z", "targets.blip", "train.mbm", "regress.caption"}
    assert plan["regress.caption/1"].job.plain["repetition_penalty"] == 6


def test_every_shipped_recipe_can_be_read() -> None:
    for name in list_recipes():
        load_recipe(name)
