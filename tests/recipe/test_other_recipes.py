"""A recipe that reads steps of another one: several data sets pooled, each preprocessed as its own recipe says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from brainflix.engine.draft import Selection
from brainflix.engine.plan import Planned, make_plan
from brainflix.engine.run import execute
from brainflix.errors import UsageError
from brainflix.recipe.files import load_recipe
from brainflix.recipe.schema import Source
from brainflix.report.recipe_text import recipe_yaml
from brainflix.settings import load_settings
from brainflix.store.responses import Responses
from brainflix.store.store import Store

WORLD = {"name": "demo", "n_train_segments": 3, "n_test_segments": 1, "clips_per_segment": 8, "test_repeats": 2}
ONE = {
    "recipe": "one",
    "dataset": {**WORLD, "subjects": [1, 2], "seed": 5},
    "preprocess": {"part": "cc2017", "select": "top", "top_n": 32},
    "targets": {"frames": {"part": "frames", "n_frames": 2, "size_px": 16}},
    "evaluate": {
        "part": "strict",
        "weights": "demo/video-classifier",
        "inputs": {"videos": "targets.frames", "truth": "targets.frames"},
    },
}
TRAIN = {"part": "masked-brain-modelling", "preset": "tiny", "epochs": 1, "width": 16, "depth": 1}
TWO = {
    "recipe": "two",
    "dataset": {**WORLD, "subjects": [1], "seed": 6},
    "preprocess": {"part": "cc2017", "select": "top", "top_n": 32},
    "train": {**TRAIN, "inputs": {"rows": ["preprocess[all]", "one/preprocess[all]"]}},
}


@pytest.fixture(autouse=True)
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put both recipes where names are looked up."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    for raw in (ONE, TWO):
        (folder / f"{raw['recipe']}.yaml").write_text(yaml.safe_dump(raw))
    monkeypatch.chdir(tmp_path)
    return folder


def plan(*changes: str, selection: Selection | None = None) -> list[Planned]:
    return make_plan(load_recipe("two", changes), Store(Path("store")), selection or Selection())


def test_only_what_is_needed_of_the_other_recipe_is_planned_before_it_is_read() -> None:
    places = [(p.place, p.job.recipe) for p in plan()]
    assert (("one/preprocess", "", 2), "one") in places
    assert {place[0] for place, recipe in places if recipe == "one"} == {"one/download", "one/preprocess"}
    assert places[-1] == (("train", "", None), "two")
    seen = set()
    for planned in plan():
        assert set(planned.needs) <= seen
        seen.add(planned.place)


def test_the_artifacts_are_those_of_the_other_recipe_alone() -> None:
    alone = {p.job.ref for p in make_plan(load_recipe("one"), Store(Path("store")))}
    assert {p.job.ref for p in plan() if p.job.recipe == "one"} < alone


def test_a_selection_means_the_recipe_itself() -> None:
    chosen = plan(selection=Selection("preprocess", alone=True))
    assert [p.place for p in chosen] == [("preprocess", "", 1)]


def test_pooled_training_sees_the_rows_of_both(tmp_path: Path) -> None:
    store = Store(Path("store"))
    done = execute(make_plan(load_recipe("two"), store), store, load_settings(store=store.root))
    trained = store.open(done[-1].ref)
    assert len(trained.manifest.inputs["rows"]) == 3
    rows = [Responses.load(store.open(ref)) for ref in trained.manifest.inputs["rows"]]
    assert len({responses.response[0, 0] for responses in rows}) == 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("one/preprocess", ["whose one/preprocess is meant", "one/preprocess[all]"]),
        ("one/preproces[all]", ["is not stage, stage.step"]),
        ("one/align[all]", ["no step one/align"]),
        ("one/preprocess[others]", ["say all, or numbers"]),
        ("one/preprocess[7]", ["no subject"]),
        ("two/preprocess[all]", ["recipe two reads from itself"]),
    ],
)
def test_sources_that_mean_nothing_are_refused(source: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        plan("train.subjects=[1]", f"train.inputs.rows={source}")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_circle_of_recipes_is_refused(recipes: Path) -> None:
    start = {"rows": ["preprocess[all]"], "start": "two/train"}
    (recipes / "one.yaml").write_text(yaml.safe_dump({**ONE, "train": {**TRAIN, "inputs": start}}))
    with pytest.raises(UsageError, match="recipe two reads from itself"):
        plan("train.inputs.start=one/train")


def test_a_step_that_nobody_reads_is_not_looked_at(recipes: Path) -> None:
    (recipes / "one.yaml").write_text(yaml.safe_dump({**ONE, "evaluate": {"part": "strict", "no_such": 1}}))
    assert plan()[-1].place == ("train", "", None)


def test_the_source_is_written_back_as_it_was() -> None:
    recipe = load_recipe("two")
    text = yaml.safe_load(recipe_yaml(recipe.model_dump(mode="json", by_alias=True)))
    assert text["train"]["inputs"]["rows"] == ["preprocess[all]", "one/preprocess[all]"]
    assert Source.parse("bmd/align.none[1,2]") == Source(stage="align", step="none", subjects=(1, 2), recipe="bmd")
