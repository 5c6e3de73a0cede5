"""What regressors are given: repeats as rows, several data sets, an encoder's features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from brainflix.device import Compute
from brainflix.engine.run import run_job
from brainflix.errors import DataError
from brainflix.parts.work import Tools
from brainflix.regress import regressors as parts
from brainflix.regress.parts import MlpParams, RegressParams
from brainflix.regress.problem import gather
from brainflix.store.artifact import Artifact
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Responses, Targets
from brainflix.store.store import Store
from tests.parts_world import BOLD, TARGET, call, fill, job

COLUMNS, N_CLIPS, DIMS = 5, 12, 3


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def tools(store: Store) -> Tools:
    return Tools(store, lambda: Compute(torch.device("cpu"), torch.float32, ""))


def publish(store: Store, name: str, seed: int, test: bool = True) -> tuple[Artifact, Artifact]:
    """Publish one data set: responses of twelve clips shown two or three times, and their targets."""
    rng = np.random.default_rng(seed)
    clips = Clips(
        ids=tuple(f"{name}-{i}" for i in range(N_CLIPS)),
        segment=tuple(f"seg{i // 4}" for i in range(N_CLIPS)),
        onset_s=np.arange(N_CLIPS) % 4 * 2.0,
        split=np.repeat([0, 0, 2 if test else 0], 4),
        caption=("",) * N_CLIPS,
    )
    clip = np.concatenate([np.arange(N_CLIPS), np.arange(N_CLIPS), [8, 10]])
    responses = Responses(
        response=rng.normal(size=(len(clip), COLUMNS)),
        clip=clip,
        repeat=np.repeat([0, 1, 2], [N_CLIPS, N_CLIPS, 2]),
        run=np.repeat([0, 1, 2], [N_CLIPS, N_CLIPS, 2]),
        run_names=("a", "b", "c"),
        clips=clips,
        area=("V1",) * COLUMNS,
        structure=("left",) * COLUMNS,
        index=np.arange(COLUMNS),
    )
    targets = Targets(rng.normal(size=(N_CLIPS, DIMS)), clips)
    made = []
    kinds: list[tuple[Ref, str, Responses | Targets]] = [
        (Ref("bold", name, "1" * 12), "preprocess", responses),
        (Ref("targets", name, "1" * 12), "targets", targets),
    ]
    for ref, stage, value in kinds:
        with store.publish(ref, stage=stage, stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            value.save(out.path)
        made.append(store.open(ref))
    return made[0], made[1]


def test_each_presentation_is_a_row_and_what_they_predict_is_averaged(store: Store) -> None:
    bold, target = publish(store, "one", 0)
    inputs = {"rows": [bold], "test": [bold], "target": [target]}
    problem = gather(inputs, RegressParams(repeats="each"), tools(store))
    responses, values = Responses.load(bold), Targets.load(target).values
    clip, rows = responses.trials(("train",))
    order = np.argsort(clip, kind="stable")
    mean, std = rows.mean(0), rows.std(0)
    np.testing.assert_allclose(problem.x, (rows[order] - mean) / std, atol=1e-5)
    np.testing.assert_array_equal(problem.y[problem.of], values[clip[order]])
    assert problem.test_clip.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    predicted = problem.predictions(problem.x_test[:, :DIMS], RegressParams(), {})
    for place, clip_id in enumerate(predicted.clip_ids):
        own = responses.response[responses.clip == responses.clips.ids.index(clip_id)]
        np.testing.assert_allclose(predicted.values[place], ((own - mean) / std).mean(0)[:DIMS], atol=1e-5)


def test_averaging_predictions_is_predicting_the_average_for_a_linear_map_only(store: Store) -> None:
    """Averaged over repeats, predictions of a linear map are those of the mean row; of tanh they are not."""
    bold, target = publish(store, "one", 0)
    problem = gather({"rows": [bold], "test": [bold], "target": [target]}, RegressParams(repeats="each"), tools(store))
    weights = np.random.default_rng(1).normal(size=(COLUMNS, DIMS))
    mean_rows = np.stack([problem.x_test[problem.test_clip == c].mean(0) for c in range(4)])

    def averaged(values: np.ndarray) -> np.ndarray:
        return problem.predictions(values, RegressParams(), {}).values

    np.testing.assert_allclose(averaged(problem.x_test @ weights), mean_rows @ weights, atol=1e-5)
    assert np.abs(averaged(np.tanh(problem.x_test @ weights)) - np.tanh(mean_rows @ weights)).max() > 0.05


def test_rows_of_two_data_sets_find_their_own_targets(store: Store) -> None:
    one, two = publish(store, "one", 0), publish(store, "two", 1, test=True)
    inputs = {"rows": [two[0], one[0]], "test": [one[0]], "target": [one[1], two[1]]}
    problem = gather(inputs, RegressParams(), tools(store))
    values = np.concatenate([Targets.load(each[1]).values[:8] for each in (one, two)])
    np.testing.assert_array_equal(problem.y, values)
    assert list(dict.fromkeys(problem.groups)) == ["0/seg0", "0/seg1", "1/seg0", "1/seg1"]
    assert problem.test_ids == tuple(f"one-{i}" for i in range(8, 12))
    assert problem.truth == str(one[1].ref)
    everything = gather(inputs, RegressParams(other_datasets="all"), tools(store))
    assert len(everything.x) == len(problem.x) + 4
    assert "1/seg2" in everything.groups and "0/seg2" not in everything.groups


def test_rows_without_targets_and_targets_of_other_sizes_are_refused(store: Store) -> None:
    one, two = publish(store, "one", 0), publish(store, "two", 1)
    with pytest.raises(DataError, match=r"bold/two@1.* not about the same clips"):
        gather({"rows": [two[0]], "test": [one[0]], "target": [one[1]]}, RegressParams(), tools(store))
    wide = Ref("targets", "wide", "1" * 12)
    with store.publish(wide, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        Targets(np.zeros((N_CLIPS, DIMS + 1)), Targets.load(two[1]).clips).save(out.path)
    inputs = {"rows": [one[0], two[0]], "test": [one[0]], "target": [one[1], store.open(wide)]}
    with pytest.raises(DataError, match="different sizes"):
        gather(inputs, RegressParams(), tools(store))


def test_an_encoders_features_take_the_grayordinates_place(store: Store) -> None:
    fill(store)
    masked = {"preset": "tiny", "epochs": 1, "width": 16, "patch_size": 8, "depth": 1}
    mbm = job("train", "masked-brain-modelling", "model", masked, {"rows": tuple(BOLD)})
    run_job(mbm, store, tools(store))
    encoder = store.open(mbm.ref)
    inputs = {"rows": [store.open(BOLD[0])], "test": [store.open(BOLD[0])], "target": [store.open(TARGET)]}
    plain = gather(inputs, RegressParams(), tools(store))
    shapes = {}
    for pool in ("mean", "cls", "tokens"):
        problem = gather({**inputs, "encoder": [encoder]}, RegressParams(pool=pool), tools(store))
        shapes[pool] = problem.x.shape[1]
        assert len(problem.x) == len(plain.x) and problem.test_ids == plain.test_ids
    assert shapes == {"mean": 16, "cls": 16, "tokens": 16 * 5}
    ridge = job("regress", "ridge", "predictions", {}, {})
    predicted = call(parts.ridge, ridge, {**inputs, "encoder": [encoder]}, tools(store))
    assert np.isfinite(predicted.values).all() and predicted.values.std() > 0


def test_a_network_fitted_on_everyone_serves_each_of_them_from_the_store(store: Store, tmp_path: Path) -> None:
    (one, target), (two, _) = publish(store, "one", 0), publish(store, "two", 1)
    renamed = replace(Responses.load(two), clips=Responses.load(one).clips)
    ref, network = Ref("bold", "other", "1" * 12), Ref("model", "pooled", "1" * 12)
    with store.publish(ref, stage="preprocess", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        renamed.save(out.path)
    made = job("regress", "mlp", "predictions", {"hidden": 8, "epochs": 3, "rescale": True}, {})
    roles = {"rows": [one, store.open(ref)], "target": [target]}
    fitted = call(parts.fit_pooled_mlp, made, roles, tools(store))
    with store.publish(network, stage="regress", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        assert fitted.save(out.path) == {"epochs": len(fitted.fit.train_loss)}
    found = []
    for test in (one, store.open(ref)):
        asked = {"fit": [store.open(network)], "test": [test], "target": [target]}
        found.append(call(parts.mlp, made, asked, tools(store)))
        # What was read back predicts what the network in memory does, to the bit.
        problem = gather({**roles, "test": [test]}, RegressParams(rescale=True), tools(store))
        expected = problem.predictions(fitted.fit.predict(problem.x_test), RegressParams(rescale=True), {})
        np.testing.assert_array_equal(found[-1].values, expected.values)
    assert not np.array_equal(found[0].values, found[1].values)
    narrow = Responses.load(one).take_columns(np.arange(4))
    other = Ref("bold", "narrow", "1" * 12)
    with store.publish(other, stage="preprocess", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        narrow.save(out.path)
    with pytest.raises(DataError, match="the subjects have different columns"):
        call(parts.mlp, made, {**asked, "test": [store.open(other)]}, tools(store))


def test_predictions_get_the_targets_own_axes_back(store: Store) -> None:
    """Flattened and given its shape again, a target is itself."""
    bold, target = publish(store, "one", 0)
    deep = Targets(np.random.default_rng(3).normal(size=(N_CLIPS, 3, 2, 4, 5)), Targets.load(target).clips)
    ref = Ref("targets", "deep", "1" * 12)
    with store.publish(ref, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        deep.save(out.path)
    problem = gather({"rows": [bold], "test": [bold], "target": [store.open(ref)]}, RegressParams(), tools(store))
    assert problem.y.shape == (8, 120) and np.array_equal(problem.y[0], deep.values[0].ravel())
    flat = np.stack([deep.values[deep.clips.ids.index(clip_id)].ravel() for clip_id in problem.test_ids])
    back = problem.predictions(flat, RegressParams(), {}).values
    np.testing.assert_array_equal(back, deep.values[[deep.clips.ids.index(clip_id) for clip_id in problem.test_ids]])


def test_the_released_network_drops_outputs_where_nobody_says_otherwise() -> None:
    assert MlpParams().output_dropout == 0
    assert MlpParams(compat="brainnetflix").output_dropout == 0.3
    assert MlpParams(compat="brainnetflix", output_dropout=0.1).output_dropout == 0.1
