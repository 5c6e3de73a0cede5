"""Parameters under their part's model: compat reaches the parts that know it, and no name is taken twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from brainflix.engine.job import Job
from brainflix.engine.plan import make_plan
from brainflix.errors import UsageError
from brainflix.parts import find as registry
from brainflix.parts.find import Part
from brainflix.parts.params import AnyParams, Params
from brainflix.parts.stages import JOB_FACTS
from brainflix.recipe.files import load_recipe
from brainflix.recipe.parameters import validated
from brainflix.recipe.schema import parse_recipe
from brainflix.store.refs import Ref
from brainflix.store.store import Store

RECIPES = Path(__file__).parents[1] / "recipes"
TINY = str(RECIPES / "tiny.yaml")


def jobs(store: Path, *changes: str) -> dict[str, Job]:
    """Return the jobs of the tiny recipe by `stage.step`."""
    planned = make_plan(load_recipe(TINY, changes), Store(store))
    return {f"{p.job.stage}.{p.job.step}".rstrip("."): p.job for p in planned}


def touched(store: Path, *changes: str) -> set[str]:
    """Return the places whose keys the changes touch."""
    before, after = jobs(store), jobs(store, *changes)
    return {place for place, job in after.items() if job.ref.key != before[place].ref.key}


def test_compat_fills_the_parameter_of_parts_that_have_it_and_nothing_else(tmp_path: Path) -> None:
    reads_it = {"targets.z", "regress.z", "reconstruct", "train.mbm", "train.contrastive", "regress.clip"}
    assert touched(tmp_path, "compat=brainnetflix") == {*reads_it, "evaluate", "report"}
    steps = ("train.mbm.compat=brainnetflix", "targets.z.compat=brainnetflix")
    whole, own = jobs(tmp_path, "compat=brainnetflix"), jobs(tmp_path, *steps)
    assert whole["train.mbm"].plain["compat"] == "brainnetflix" and "compat" not in whole["train.contrastive"].plain
    assert whole["evaluate"].ref == own["evaluate"].ref


def test_a_step_that_sets_compat_itself_keeps_it(tmp_path: Path) -> None:
    # The report shows the recipe as it is written.
    own = ("train.mbm.compat=''", "targets.z.compat=''")
    assert touched(tmp_path, "compat=brainnetflix", *own) == {"report"}


def test_a_compat_that_the_part_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.mbm\.compat.*brainnetflix"):
        jobs(tmp_path, "train.mbm.compat=glfa")
    with pytest.raises(UsageError, match="compat 'glfa' changes nothing in recipe tiny"):
        jobs(tmp_path, "compat=glfa")


def test_parts_that_do_not_know_the_recipes_paper_stay_as_they_are(tmp_path: Path) -> None:
    planned = make_plan(load_recipe("mindvideo-cc2017", ["compat=mindvideo"]), Store(tmp_path))
    values = {p.job.step: p.job.plain["compat"] for p in planned if "compat" in p.job.plain}
    assert values["guidance"] == values["encoder"] == "mindvideo"
    assert values["z"] == values["mbm"] == ""


def test_a_compat_of_no_part_is_refused_unless_a_part_is_still_to_come(tmp_path: Path) -> None:
    raw = {"recipe": "r", "compat": "glfa", "dataset": {"name": "demo", "subjects": [1]}}
    with pytest.raises(UsageError, match="compat 'glfa' changes nothing in recipe r"):
        make_plan(parse_recipe({**raw, "preprocess": {"part": "cc2017"}}), Store(tmp_path))
    assert make_plan(load_recipe(str(RECIPES / "neuroclips-cc2017.yaml"), ["compat=neuroclips"]), Store(tmp_path))


class Grabby(Params):
    """Wants the manifest's own name."""

    step: int = 3


@pytest.mark.parametrize("given", [{}, {"step": 4}])
def test_a_parameter_cannot_have_a_name_of_the_manifests_own(given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"regress\.z\.step: no parameter can have this name"):
        validated(Part("m:a", Grabby, "grabs"), given, "regress.z")
    with pytest.raises(UsageError, match="subject"):
        validated(Part("m:a", AnyParams, "takes all"), {"subject": 4}, "regress.z")


def test_no_part_of_ours_has_such_a_name() -> None:
    for parts in registry.own_parts().values():
        for part in parts.values():
            assert not {*JOB_FACTS} & {*part.load_params().model_fields}


def test_a_manifest_never_loses_whose_job_it_was() -> None:
    params = AnyParams.model_validate({"subject": 9, "n": 2})
    job = Job("regress", "z", "ridge", 1, params, Ref("scores", "x", "0" * 12), {}, 0, "demo", "r", "1")
    assert job.recorded() == {"part": "ridge", "step": "z", "subject": 1, "dataset": "demo", "n": 2}


def numeric(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(numeric, get_args(annotation)))


def numbers_of_parts() -> Iterator[tuple[str, type[BaseModel], str, bool]]:
    """Yield each parameter of our parts that holds numbers: its place, class, name and whether it holds several."""
    for category, parts in registry.own_parts().items():
        for name, part in parts.items():
            for field, about in part.load_params().model_fields.items():
                if numeric(about.annotation):
                    several = "tuple" in str(about.annotation)
                    yield f"{category} {name} {field}", part.load_params(), field, several


NUMBERS = list(numbers_of_parts())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), ".nan", "inf", -(10**15), -1e15, True])
def test_no_parameter_takes_what_is_no_number_in_its_range(value: object) -> None:
    assert len(NUMBERS) > 100
    for place, model, field, several in NUMBERS:
        given = [value, value] if several else value
        with pytest.raises(ValidationError) as caught:
            model.model_validate({field: given})
        # A part may lack required parameters too; what counts is that this one is among what is wrong.
        assert any(field in error["loc"] or field in error["msg"] for error in caught.value.errors()), place


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("regress.z.alphas=[0]", "regress.z.alphas.0: Input should be greater than 0"),
        ("regress.z.alphas=[-1, 1]", "regress.z.alphas.0: Input should be greater than 0"),
        ("regress.z.alphas=[1, 1]", "regress.z.alphas: 1.0 is named twice"),
        ("regress.z.window_tr=[0, 0]", "regress.z.window_tr: 0 is named twice"),
        ("regress.z.window_tr=[51]", "regress.z.window_tr.0: Input should be less than or equal to 50"),
        ("regress.z.n_folds=true", "regress.z: n_folds is a number, not true or false"),
        ("regress.z.alphas=[1, true]", "regress.z: alphas is a number, not true or false"),
        ("train.mbm.heads=5", "train.mbm: width 16 must be even and a multiple of heads 5"),
        ("reconstruct.size_px=[0, 64]", "reconstruct.size_px.0: Input should be greater than or equal to 8"),
        ("dataset.size_px=1000000000", "dataset.size_px: Input should be less than or equal to 2048"),
        ("dataset.snr=1e999", "dataset.snr: Input should be a finite number"),
        ("targets.frames.n_frames=1000000000", "targets.frames.n_frames: Input should be less than or equal to 7200"),
    ],
)
def test_numbers_beyond_a_range_fail_when_planning(tmp_path: Path, change: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        jobs(tmp_path, change)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "change", ["regress.z.alphas=[1e-9, 1e9]", "regress.z.window_tr=[-1, 0, 1]", "dataset.snr=0", "train.mbm.heads=1"]
)
def test_numbers_at_the_edge_of_a_range_are_taken(tmp_path: Path, change: str) -> None:
    assert jobs(tmp_path, change)
