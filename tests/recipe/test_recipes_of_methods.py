"""The recipe schema can say all four methods: they parse, and a dry run orders their steps with the right inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.engine.plan import BLOCKED, Planned, make_plan
from brainflix.recipe.files import load_recipe
from brainflix.store.store import Store

RECIPES = Path(__file__).parents[1] / "recipes"


def plan_of(name: str, store: Path) -> dict[str, Planned]:
    """Return the jobs of a recipe by `stage.step/subject`, in order."""
    planned = make_plan(load_recipe(str(RECIPES / f"{name}.yaml")), Store(store))
    return {f"{p.job.stage}.{p.job.step}/{p.job.subject or 'all'}": p for p in planned}


def inputs_of(plan: dict[str, Planned], place: str, role: str) -> list[str]:
    """Return the places that a job reads under a role."""
    by_ref = {planned.job.ref: name for name, planned in plan.items()}
    return [by_ref[ref] for ref in plan[place].job.inputs[role]]


def test_glfa_trains_both_phases_on_all_subjects(tmp_path: Path) -> None:
    plan = plan_of("glfa-fmri-video", tmp_path)
    everyone = [f"preprocess./{s}" for s in (1, 2, 3)]
    assert inputs_of(plan, "train.encoder/all", "rows") == everyone
    assert inputs_of(plan, "train.joint/all", "start") == ["train.encoder/all"]
    assert inputs_of(plan, "reconstruct./2", "negative") == ["regress.mean-prompt/2"]
    assert inputs_of(plan, "reconstruct./2", "prompt") == ["regress.prompt/2"]


def test_neuroclips_makes_the_keyframe_before_the_video(tmp_path: Path) -> None:
    plan = plan_of("neuroclips-cc2017", tmp_path)
    order = list(plan)
    assert order.index("train.sr-backbone/1") < order.index("train.sr-prior/1")
    assert order.index("reconstruct.keyframe/1") < order.index("reconstruct.video/1")
    assert inputs_of(plan, "reconstruct.video/3", "keyframe") == ["reconstruct.keyframe/3"]
    assert inputs_of(plan, "reconstruct.video/3", "blurry") == ["regress.blurry/3"]
    assert inputs_of(plan, "train.pr/3", "rows") == ["preprocess./3"]


def test_mind_animator_predicts_several_conditions_and_retrieves(tmp_path: Path) -> None:
    plan = plan_of("mind-animator-cc2017", tmp_path)
    assert inputs_of(plan, "reconstruct./1", "latents") == ["regress.motion/1"]
    assert inputs_of(plan, "reconstruct./1", "prompt") == ["regress.tokens/1"]
    assert inputs_of(plan, "regress.motion/1", "first") == ["regress.first/1"]
    assert inputs_of(plan, "evaluate./2", "predictions") == ["regress.clip/2"]


@pytest.mark.parametrize("name", ["glfa-fmri-video", "neuroclips-cc2017", "mind-animator-cc2017"])
def test_missing_parts_are_named_and_block_what_needs_them(name: str, tmp_path: Path) -> None:
    plan = plan_of(name, tmp_path)
    trained = [planned for place, planned in plan.items() if place.startswith("train.")]
    assert trained and all(planned.status == BLOCKED for planned in trained)
    assert any("is not available" in planned.why for planned in trained)
    assert plan["evaluate./1"].status == BLOCKED
    assert plan["download.stimuli/all"].status == "to run"
