"""The part that puts tokens into words: which clips, which parameters, and what the shipped captioner says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from brainflix.demo.grammar import Scene
from brainflix.demo.make_weights.common import clips_of, scene_batches
from brainflix.device import pick_compute
from brainflix.engine.job import Job
from brainflix.errors import DataError, UsageError
from brainflix.io.weights import SHIPPED
from brainflix.parts.work import Tools
from brainflix.pretrained.blip import load_vision_tower
from brainflix.pretrained.params import BlipCaptionParams
from brainflix.store.captions import Captions
from brainflix.store.publish import Staging
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions, Targets
from brainflix.store.store import Artifact, Store
from brainflix.targets.blip import mean_tokens, pixel_scale
from brainflix.targets.parts import BlipParams
from tests.parts_world import do, job

CPU = pick_compute("cpu", "float32")
TARGETS, PREDICTED = Ref("targets", "toy-blip", "0" * 12), Ref("predictions", "toy-sub-1-blip", "1" * 12)
IDS = tuple(f"clip{i:03d}" for i in range(64))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Scenes that neither the training of the weights nor the demo's film shows."""
    return next(scene_batches(5_000_000, len(IDS)))


@pytest.fixture(scope="module")
def store(tmp_path_factory, scenes) -> Store:
    """A store with the scenes' tokens as targets, and those of the first four clips, last first, as predictions."""
    store = Store(tmp_path_factory.mktemp("captions"))
    params = BlipParams(weights="demo/blip", n_frames=8, size_px=64)
    tower, scale = load_vision_tower(SHIPPED / "blip", CPU), pixel_scale(SHIPPED / "blip", params)
    values = mean_tokens(tower, clips_of(scenes), params=params, scale=scale, compute=CPU)
    n = len(IDS)
    clips = Clips(IDS, ("s",) * n, np.arange(n) * 2.0, np.zeros(n), tuple(scene.caption() for scene in scenes))
    predicted = Predictions(values[3::-1], IDS[3::-1], str(TARGETS))
    for ref, record in ((TARGETS, Targets(values, clips)), (PREDICTED, predicted)):
        with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            record.save(out.path)
    return store


def captioning(**params: Any) -> Job:
    return job("regress", "blip-captions", "predictions", {"weights": "demo/blip", **params}, {})


def caption(store: Store, ref: Ref, folder: Path, clips_per_batch: int = 16, **params: Any) -> tuple[Captions, Staging]:
    """Run the stage's door, and read what it wrote."""
    inputs: Mapping[str, list[Artifact]] = {"tokens": [store.open(ref)]}
    made, here = captioning(**params), Store(folder)
    with here.publish(made.ref, stage="regress", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        do(made, inputs, out, Tools(here, lambda: CPU, clips_per_batch=clips_per_batch))
    return Captions.load(here.open(made.ref)), out


def test_targets_give_a_caption_for_every_clip_and_predictions_for_theirs(store, tmp_path):
    every, out = caption(store, TARGETS, tmp_path / "a")
    assert every.clip_ids == IDS and every.truth == str(TARGETS)
    assert out.notes == every.attrs == {"n_captions": 64, "distinct": len(set(every.captions)) / 64}
    some, _ = caption(store, PREDICTED, tmp_path / "b")
    assert some.clip_ids == IDS[3::-1] and some.truth == str(TARGETS)
    assert some.captions == every.captions[3::-1]


def test_captions_do_not_depend_on_the_batch(store, tmp_path):
    found = [caption(store, TARGETS, tmp_path / str(n), clips_per_batch=n)[0].captions for n in (7, 64)]
    assert found[0] == found[1]


def test_shipped_weights_name_what_fresh_scenes_show(store, scenes, tmp_path):
    said, _ = caption(store, TARGETS, tmp_path)
    named = {
        factor: np.mean([getattr(s, factor) in c.split() for s, c in zip(scenes, said.captions, strict=True)])
        for factor in ("colour", "background", "shape")
    }
    assert named["colour"] > 0.8 and named["background"] > 0.8 and named["shape"] > 0.5, named


def test_several_artifacts_are_not_captioned(store, tmp_path):
    inputs, made = {"tokens": [store.open(TARGETS), store.open(PREDICTED)]}, captioning()
    with pytest.raises(UsageError, match=r"from one artifact, not 2 \(targets/toy-blip@0+, predictions"):
        do(made, inputs, Staging(made.ref, tmp_path), Tools(store, lambda: CPU))


def test_values_that_are_no_tokens_are_refused(tmp_path):
    store, ref = Store(tmp_path / "s"), Ref("predictions", "toy-text", "3" * 12)
    with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        Predictions(np.zeros((2, 7)), IDS[:2], "t").save(out.path)
    with pytest.raises(DataError, match=r"visual tokens are \(7,\)"):
        caption(store, ref, tmp_path / "out")


def test_compat_is_how_the_release_searches():
    ours, released = (BlipCaptionParams(weights="demo/blip", compat=compat) for compat in ("", "brainnetflix"))
    assert (ours.beams, ours.repetition_penalty) == (3, 1.5)
    assert (released.beams, released.repetition_penalty) == (1, 6.0)
    assert (released.max_length, released.min_length) == (ours.max_length, ours.min_length) == (20, 4)
    mixed = BlipCaptionParams(weights="demo/blip", compat="brainnetflix", beams=5)
    assert (mixed.beams, mixed.repetition_penalty) == (5, 6.0)
    planned = mixed.model_dump(mode="json")
    assert BlipCaptionParams.model_validate(planned).model_dump(mode="json") == planned


@pytest.mark.parametrize("wrong", [{"min_length": 21}, {"beams": 0}, {"repetition_penalty": 0.5}, {"compat": "glfa"}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        BlipCaptionParams(weights="demo/blip", **wrong)


def test_no_random_state_is_touched(store, tmp_path):
    before = torch.get_rng_state()
    caption(store, PREDICTED, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
