"""The caption chain on a tiny demo world: tokens predicted from brains, put into words, videos made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.engine.plan import CACHED, make_plan
from brainflix.engine.run import execute
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.captions import Captions
from brainflix.store.schema import Predictions, Targets, Videos
from brainflix.store.store import Store

RECIPE = str(Path(__file__).parent / "recipes" / "captions.yaml")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("chain")
    store, settings = Store(folder), load_settings(store=folder, device="cpu")
    execute(make_plan(load_recipe(RECIPE), store), store, settings)
    return store


def test_everything_ran_and_runs_no_second_time(store: Store) -> None:
    plan = make_plan(load_recipe(RECIPE), store)
    assert {planned.status for planned in plan} == {CACHED}
    places = [planned.place for planned in plan]
    assert places.index(("regress", "blip", 1)) < places.index(("regress", "caption", 1))
    assert ("regress", "true-caption", None) in places


def test_predicted_captions_are_of_the_test_clips_and_true_ones_of_all(store: Store) -> None:
    predicted = Predictions.load(store.open("predictions/demo-sub-1-blip"))
    said = Captions.load(store.open("predictions/demo-sub-1-caption"))
    assert said.clip_ids == predicted.clip_ids and said.truth == predicted.truth
    targets = Targets.load(store.open("targets/demo-blip"))
    every = Captions.load(store.open("predictions/demo-true-caption"))
    assert every.clip_ids == targets.clips.ids and len(every.captions) == 32
    manifest = store.open("predictions/demo-sub-1-caption").manifest
    assert manifest.parameters["repetition_penalty"] == 1.5 and manifest.parameters["revision"]


def test_true_tokens_are_put_into_the_films_own_words(store: Store) -> None:
    targets = Targets.load(store.open("targets/demo-blip"))
    every = Captions.load(store.open("predictions/demo-true-caption"))
    pairs = [(truth.split(), said.split()) for truth, said in zip(targets.clips.caption, every.captions, strict=True)]
    # "a COLOUR SHAPE moving MOTION over a BACKGROUND"
    assert np.mean([truth[1] in said for truth, said in pairs]) > 0.8
    assert np.mean([truth[-1] in said for truth, said in pairs]) > 0.8


def test_words_become_videos(store: Store) -> None:
    for name in ("demo-sub-1-video", "demo-oracle"):
        videos = Videos.load(store.open(f"videos/{name}"))
        assert videos.frames.shape == (8, 8, 64, 64, 3)
        refs = [str(ref) for refs in store.open(f"videos/{name}").manifest.inputs.values() for ref in refs]
        assert any("caption@" in ref for ref in refs)
