"""The published methods' recipes in their tiny preset, from raw files to scores and report, on a world of 32 clips.

Too small for scores that mean anything; `make methods` runs the same presets on the whole simulated world.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute, summary
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.store import Store

WORLD = (
    "dataset.n_train_segments=3",
    "dataset.n_test_segments=1",
    "dataset.clips_per_segment=8",
    "dataset.test_repeats=2",
    "dataset.subjects=[1,2]",
    "preprocess.top_n=64",
    "align.group={part: none}",
    "train.mbm.epochs=1",
    "train.mbm.width=32",
    "train.mbm.patch_size=16",
    "train.mbm.depth=1",
    "evaluate.ways=[2,10]",
    "evaluate.min_shift_s=4",
    "evaluate.permutations=999",
    "evaluate.n_boot=999",
)
FEW = {"bmd": ("regress.z.n_folds=2",), "cc2017": ("regress.z.epochs=2",)}
FOLDS = tuple(f"regress.{step}.n_folds=2" for step in ("blip", "clip", "clip-features"))
CHANGES = {
    "brain-netflix-cc2017": (*FEW["cc2017"], *FOLDS, "reconstruct.video.steps=4", "reconstruct.oracle.steps=4"),
    "brain-netflix-bmd": (*FEW["bmd"], *FOLDS, "regress.clip-zero-shot.n_folds=2", "reconstruct.oracle.steps=4"),
    "mindvideo-cc2017": ("train.encoder.epochs=2", "train.joint.epochs=1", "reconstruct.steps=2"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_method_runs_from_raw_files_to_scores(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    recipe = load_recipe(name, [*WORLD, *CHANGES[name]], "tiny")
    done = execute(make_plan(recipe, store), store, load_settings(store=store.root, device="cpu"))
    assert {each.status for each in done} == {"ran"}
    document = summary(recipe, store, done)
    subject = next(iter(document["scores"]))
    scores = document["scores"][subject]
    assert {"nway_2_video_g1", "ssim_excess", "flow_cosine"} <= scores.keys()
    assert all(score["n"] for score in scores.values())
    again = execute(make_plan(recipe, store), store, load_settings(store=store.root, device="cpu"))
    assert {each.status for each in again} == {"cached"}
