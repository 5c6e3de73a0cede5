"""What a step reads: roles that its part does not know, roles that it lacks, sources that name nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.engine.draft import Selection
from brainflix.engine.job import Job
from brainflix.engine.plan import make_plan
from brainflix.errors import UsageError
from brainflix.parts.find import Part, own_parts
from brainflix.recipe.files import load_recipe
from brainflix.recipe.schema import Step
from brainflix.recipe.wiring import check_roles
from brainflix.store.refs import Ref
from brainflix.store.store import Store

TINY = str(Path(__file__).parents[1] / "recipes" / "tiny.yaml")
LONE = ("dataset.subjects=[1]",)


def plan(store: Path, *changes: str, name: str = TINY, selection: Selection | None = None) -> dict[str, Job]:
    """Return the planned jobs by `stage.step/subject`."""
    planned = make_plan(load_recipe(name, changes), Store(store), selection or Selection())
    return {f"{p.job.stage}.{p.job.step}/{p.job.subject or 'all'}": p.job for p in planned}


def test_every_part_of_ours_declares_its_roles() -> None:
    for category, parts in own_parts().items():
        for name, part in parts.items():
            assert category in ("dataset", "checkpoint") or (part.needs and not {*part.needs} & {*part.takes}), name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("reconstruct.inputs.latent=regress.z", ["reconstruct", "zeroscope", "'latent'", "did you mean 'latents'"]),
        ("evaluate.inputs.oracel=reconstruct", ["evaluate: part 'strict'", "did you mean 'oracle'"]),
        ("regress.z.inputs={row: align, test: align, target: targets.z}", ["regress.z", "'row'", "mean 'rows'"]),
        ("regress.z.inputs={rows: align, test: align}", ["regress.z", "'ridge' needs the input 'target'"]),
        ("regress.z.inputs.rows=[]", ["regress.z", "needs the input 'rows'"]),
        ("regress.z.inputs={}", ["regress.z", "it needs rows and test and target"]),
        ("train.contrastive.inputs.start=[]", ["train.contrastive", "needs the input 'start'"]),
        (
            "evaluate={part: glfa, inputs: {videos: reconstruct, truth: targets.frames, oracle: reconstruct}}",
            ["evaluate: part 'glfa' takes no input 'oracle'", "known: truth, videos"],
        ),
        ("evaluate={part: glfa, inputs: {videos: reconstruct}}", ["part 'glfa' needs the input 'truth'"]),
        ("evaluate.inputs.truth=[]", ["needs the input 'truth'", "may take oracle, baselines"]),
        # Left out, inputs are `stimuli`; the step reads frames.
        ("targets.q={part: clip-video, weights: demo/clip}", ["targets.q", "'clip-video' needs the input 'frames'"]),
        ("targets.z.inputs.stimuli=download.stimuli", ["targets.z", "takes no input 'stimuli'", "known: frames"]),
    ],
)
def test_wrong_and_missing_roles_are_refused(tmp_path: Path, change: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        plan(tmp_path, change)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_roles_that_a_part_may_take_may_be_left_out(tmp_path: Path) -> None:
    job = plan(tmp_path, "evaluate.inputs.predictions=[]", "evaluate.inputs.targets=[]")["evaluate./1"]
    assert set(job.inputs) == {"videos", "truth", "fit"}
    first = "train.first={part: masked-brain-modelling, preset: tiny, inputs: {rows: 'align[all]'}}"
    jobs = plan(tmp_path, first, "train.mbm.inputs.start=train.first")
    assert jobs["train.mbm/all"].inputs["start"] == (jobs["train.first/all"].ref,)


def test_a_part_that_declares_nothing_takes_any_role() -> None:
    check_roles(Part("m:a", None, "from elsewhere"), Step(part="p", inputs={"anything": ()}), "regress", "regress.x")


def test_others_of_a_lone_subject_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan(tmp_path, *LONE, name="demo")
    words = ["regress.transfer-none", "'rows'", "align.none[others]", "no subject but 1", "dataset.subjects"]
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_refused_step_does_not_refuse_what_does_not_need_it(tmp_path: Path) -> None:
    assert "align.group/1" in plan(tmp_path, *LONE, name="demo", selection=Selection(stage="align"))
    alone = Selection("regress", "transfer-none", inputs={"rows": (Ref("aligned", "x", "0" * 12),)}, alone=True)
    [job] = plan(tmp_path, *LONE, name="demo", selection=alone).values()
    assert job.inputs["rows"] == (Ref("aligned", "x", "0" * 12),)


def test_a_pooled_step_of_all_subjects_may_say_others(tmp_path: Path) -> None:
    jobs = plan(tmp_path, "train.mbm.inputs.rows=align.group[others]", name="demo")
    assert len(jobs["train.mbm/all"].inputs["rows"]) == 3
