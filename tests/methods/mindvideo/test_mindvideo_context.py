"""MinD-Video's contexts from responses: windows, repeats, the mean row; and the phase that trains the encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brainflix.device import CPU
from brainflix.errors import UsageError
from brainflix.methods.mindvideo.predict import context_of
from brainflix.parts.find import find
from brainflix.parts.work import Tools
from brainflix.store.refs import Ref
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions, Targets
from brainflix.store.store import Store
from brainflix.train.masked import train_masked
from brainflix.train.parts import MaskedParams
from brainflix.trained.files import load_result
from tests import parts_world as world

MASKED = MaskedParams(preset="tiny", width=16, depth=1, heads=2, patch_size=8, epochs=0, warmup_epochs=0)
START, TEXT, TRAINED = (
    Ref(*name, "2" * 12) for name in (("model", "toy-mbm"), ("targets", "toy-text"), ("model", "toy-mv"))
)
REPEATED = Ref("aligned", "toy-repeated", "2" * 12)
PARAMS = {"preset": "tiny", "context_width": 5, "n_tokens": 3, "epochs": 2, "batch_size": 30}


def run(store: Store, stage: str, part: str, kind: str, params: dict, inputs: dict[str, tuple[Ref, ...]]) -> object:
    job = world.job(stage, part, kind, params, inputs)
    opened = {role: [store.open(ref) for ref in refs] for role, refs in inputs.items()}
    return world.call(find(stage, part).load(), job, opened, Tools(store, lambda: CPU))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a trained encoder, and one subject whose last test clip was shown twice more."""
    place = Store(tmp_path_factory.mktemp("mindvideo"))
    world.fill(place)
    responses = Responses.load(place.open(world.BOLD[0]))
    clips = Targets.load(place.open(world.TARGET)).clips
    tokens = np.random.default_rng(5).standard_normal((len(clips), 4, 5))
    start = train_masked(responses.response, MASKED)
    last = responses.clips.of("test")[-1:]
    again = replace(
        responses,
        response=np.concatenate([responses.response, responses.response[last] + 1, responses.response[last] - 2]),
        clip=np.concatenate([responses.clip, last, last]),
        repeat=np.concatenate([responses.repeat, [1, 2]]),
        run=np.concatenate([responses.run, [12, 13]]),
        run_names=(*responses.run_names, "again1", "again2"),
    )
    made = ((START, start.save), (REPEATED, again.save), (TEXT, Targets(tokens, clips).save))
    for ref, save in made:
        with place.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            save(out.path)
    roles = {"rows": tuple(world.BOLD), "start": (START,), "image": (world.TARGET,), "text": (TEXT,)}
    result = run(place, "train", "mindvideo-contrastive", "model", PARAMS, roles)
    parameters = {"window_tr": [0, 1]}
    with place.publish(TRAINED, stage="train", stage_version=1, parameters=parameters, inputs={}, fsync=False) as out:
        result.save(out.path)
    return place


def contexts(store: Store, test: Ref, **params: str) -> Predictions:
    roles = {"encoder": (TRAINED,), "test": (test,)}
    found = run(store, "regress", "mindvideo-context", "predictions", params, roles)
    assert isinstance(found, Predictions)
    return found


def by_hand(store: Store, windows: np.ndarray) -> np.ndarray:
    return context_of(load_result(store.path(TRAINED)), windows)


def test_the_phase_trains_on_windows_of_all_subjects(store: Store) -> None:
    result = load_result(store.path(TRAINED))
    assert result.config["network"]["window"] == 2 and result.config["preparation"]["n_columns"] == world.COLUMNS
    assert len(result.history) == 2 and {"image_loss", "text_loss", "top1"} <= set(result.history[0])


def test_a_clip_is_seen_with_the_next_row_of_its_segment_and_the_last_one_twice(store: Store) -> None:
    rows = Responses.load(store.open(world.BOLD[0])).response
    test = np.arange(66, 72)
    following = np.array([67, 68, 69, 70, 71, 71])
    found = contexts(store, world.BOLD[0])
    expected = by_hand(store, np.concatenate([rows[test], rows[following]], axis=1))
    assert found.values.shape == (6, 3, 5)
    assert np.allclose(found.values, expected, atol=1e-5)
    assert found.clip_ids == tuple(f"clip{i:03d}" for i in test) and found.truth == str(TRAINED)


def test_repeats_are_encoded_each_and_then_averaged(store: Store) -> None:
    rows = Responses.load(store.open(REPEATED)).response
    expected = by_hand(store, np.concatenate([rows[[71, 72, 73]]] * 2, axis=1)).mean(axis=0)
    found = contexts(store, REPEATED)
    assert len(found.values) == 6 and np.allclose(found.values[-1], expected, atol=1e-5)
    assert found.attrs["n_trials"] == 8


@pytest.mark.parametrize("how", [{"average": "rows"}, {"compat": "mindvideo"}], ids=["asked for", "as released"])
def test_rows_of_repeats_are_averaged_and_then_encoded(store: Store, how: dict[str, str]) -> None:
    rows = Responses.load(store.open(REPEATED)).response
    found = contexts(store, REPEATED, **how)
    last = rows[[71, 72, 73]].mean(axis=0)
    # The clip before it was shown once; it is seen with its own segment's next row, not with the mean of repeats.
    windows = np.stack([np.concatenate([rows[70], rows[71]]), np.concatenate([last, last])])
    assert len(found.values) == 6 and np.allclose(found.values[-2:], by_hand(store, windows), atol=1e-5)
    assert np.abs(found.values[-1] - contexts(store, REPEATED).values[-1]).max() > 1e-3
    both = contexts(store, REPEATED, compat="mindvideo", average="contexts")
    assert np.array_equal(both.values, contexts(store, REPEATED).values), "what the recipe says comes first"


def test_the_released_mean_row_counts_each_clip_once(store: Store) -> None:
    rows = Responses.load(store.open(REPEATED)).response
    mean = np.stack([*rows[66:71], rows[[71, 72, 73]].mean(axis=0)]).mean(axis=0)
    found = contexts(store, REPEATED, of="mean", compat="mindvideo")
    assert np.allclose(found.values[0], by_hand(store, np.concatenate([mean, mean])[None])[0], atol=1e-5)


@pytest.mark.parametrize(("compat", "of_which"), [("", np.arange(60)), ("mindvideo", np.arange(66, 72))])
def test_guidance_reads_the_mean_row_of_training_or_as_released_of_testing(
    store: Store, compat: str, of_which: np.ndarray
) -> None:
    rows = Responses.load(store.open(world.BOLD[0])).response
    found = contexts(store, world.BOLD[0], of="mean", compat=compat)
    expected = by_hand(store, np.concatenate([rows[of_which].mean(axis=0)] * 2)[None])
    assert found.values.shape == (6, 3, 5)
    assert np.allclose(found.values, np.repeat(expected, 6, axis=0), atol=1e-5)


def test_the_mean_row_of_training_says_nothing_of_testing(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    world.fill(other, test_response=9.0)
    source = load_result(store.path(TRAINED))
    with other.publish(TRAINED, stage="train", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        source.save(out.path)
    before, after = (contexts(each, world.BOLD[0], of="mean").values for each in (store, other))
    assert np.array_equal(before, after)


def test_the_encoders_own_embedding_is_a_prediction(store: Store) -> None:
    roles = {"encoder": (TRAINED,), "test": (world.BOLD[0],), "target": (world.TARGET,)}
    found = run(store, "regress", "encoder", "predictions", {}, roles)
    assert isinstance(found, Predictions) and found.truth == str(world.TARGET)
    mean = contexts(store, world.BOLD[0]).values.mean(axis=1)
    assert np.allclose(found.values, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-5)


def test_a_network_without_context_is_refused(store: Store) -> None:
    roles = {"encoder": (START,), "test": (world.BOLD[0],)}
    with pytest.raises(UsageError, match="has no context"):
        run(store, "regress", "mindvideo-context", "predictions", {}, roles)
