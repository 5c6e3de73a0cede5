"""Both phases on a small world: they learn, resume exactly, refuse leaks, and give features back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from brainflix.errors import DataError, IntegrityError, MissingError, UsageError
from brainflix.train.contrastive import tune_contrastive
from brainflix.train.loop import FitState, Hooks
from brainflix.train.masked import train_masked
from brainflix.trained.features import extract
from brainflix.trained.files import TrainResult, load_result, pack, unpack
from brainflix.trained.network import rebuild
from brainflix.trained.retrieval import retrieval_scores
from tests.train.worlds import ALIGNED, MASKED, hold_out, make_world


class Killed(Exception):
    """Stands for the process being killed."""


@pytest.fixture(scope="module")
def masked() -> TrainResult:
    return train_masked(make_world().rows, MASKED.model_copy(update={"epochs": 50}), seed=3)


@pytest.fixture(scope="module")
def aligned(masked: TrainResult) -> TrainResult:
    return align(masked)


def align(start: TrainResult, hooks: Hooks | None = None, seed: int = 4, **changes: object) -> TrainResult:
    world = make_world()
    return tune_contrastive(
        world.rows,
        world.clip_ids,
        world.embeddings,
        ALIGNED.model_copy(update=changes),
        start=start,
        held_out=hold_out(world.clip_ids, 0.2),
        seed=seed,
        hooks=hooks,
    )


def equal(a: TrainResult, b: TrainResult) -> bool:
    same = a.state.keys() == b.state.keys() and all(a.state[name].equal(b.state[name]) for name in b.state)
    return same and a.history == b.history and a.config == b.config


def killed_and_resumed(run: object, at: int, every: int) -> TrainResult:
    """Run until the epoch `at` ends, die, resume from the last checkpoint."""
    saved: dict[int, FitState] = {}

    def die(record: Mapping[str, float]) -> None:
        if record["epoch"] == at:
            raise Killed

    with pytest.raises(Killed):
        run(Hooks(on_checkpoint=saved.__setitem__, checkpoint_every=every, on_epoch=die))  # type: ignore[operator]
    return run(Hooks(resume=saved[max(saved)]))  # type: ignore[operator,no-any-return]


def test_masked_modelling_learns_what_the_mean_cannot_say(masked: TrainResult) -> None:
    losses = [record["loss"] for record in masked.history]
    assert len(losses) == 50
    assert losses[-1] < 0.9  # predicting the mean costs 1
    assert masked.history[-1]["correlation"] > 0.15
    assert masked.history[0]["correlation"] < 0.05


def test_masked_modelling_of_independent_noise_stays_at_chance() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 90)).astype(np.float32)
    record = train_masked(rows, MASKED, seed=3).history[-1]
    assert record["loss"] > 0.97 and abs(record["correlation"]) < 0.05


@pytest.mark.parametrize("vertex_dropout", [0.0, 0.3])
def test_masked_modelling_resumes_exactly(vertex_dropout: float) -> None:
    rows, params = make_world().rows, MASKED.model_copy(update={"vertex_dropout": vertex_dropout, "augment_factor": 2})

    def run(hooks: Hooks | None = None) -> TrainResult:
        return train_masked(rows, params, seed=3, hooks=hooks)

    assert equal(killed_and_resumed(run, at=4, every=2), run())


def test_the_seed_decides(masked: TrainResult) -> None:
    rows = make_world().rows
    first = train_masked(rows, MASKED, seed=1)
    assert equal(first, train_masked(rows, MASKED, seed=1))
    assert not equal(first, train_masked(rows, MASKED, seed=2))


def test_recomputing_activations_trains_the_same_network() -> None:
    rows = make_world().rows
    assert equal(train_masked(rows, MASKED, hooks=Hooks(recompute=True)), train_masked(rows, MASKED))


def test_fine_tuning_goes_on_from_the_start(masked: TrainResult) -> None:
    tuned = train_masked(make_world().rows, MASKED, seed=8, start=masked)
    assert tuned.history[0]["loss"] < 0.95
    with pytest.raises(DataError, match="do not fit"):
        train_masked(make_world().rows, MASKED.model_copy(update={"depth": 3}), start=masked)


def test_legacy_padding_adds_a_patch_where_none_is_missing() -> None:
    rows = make_world().rows[:, :80]
    sizes = []
    for compat in ("", "brainnetflix"):
        params = MASKED.model_copy(update={"compat": compat, "epochs": 0})
        result = train_masked(rows, params)
        sizes.append(result.state["pos_embed"].shape[1] - 1)
        assert extract(rebuild(result), rows).shape == (300, 32)
    assert sizes == [10, 11]


def test_alignment_finds_clips_that_it_never_saw(aligned: TrainResult) -> None:
    world = make_world()
    found = extract(rebuild(aligned), world.test_rows, what="embedding")
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    scores = retrieval_scores(found, world.embeddings[world.test_ids].astype(np.float32), np.arange(30))
    assert scores["identification"] > 0.85  # chance 0.5
    assert scores["top1"] > 0.2  # chance 1/30
    best = max(record["identification"] for record in aligned.history)
    assert best > 0.85 and aligned.history[-1]["loss"] < aligned.history[0]["loss"]


def test_alignment_to_shuffled_clips_finds_nothing(masked: TrainResult) -> None:
    world = make_world()
    wrong = np.random.default_rng(0).permutation(len(world.embeddings))
    result = tune_contrastive(
        world.rows,
        world.clip_ids,
        world.embeddings[wrong],
        ALIGNED,
        start=masked,
        held_out=hold_out(world.clip_ids, 0.2),
    )
    assert abs(np.mean([record["identification"] for record in result.history]) - 0.5) < 0.12


def test_the_best_held_out_epoch_is_returned(masked: TrainResult) -> None:
    world, held = make_world(), hold_out(make_world().clip_ids, 0.2)
    result = align(masked)
    scores = [record["identification"] for record in result.history]
    clips, truth = np.unique(world.clip_ids[held], return_inverse=True)
    found = extract(rebuild(result), world.rows[held], what="embedding")
    again = retrieval_scores(found, world.embeddings[clips].astype(np.float32), truth)
    assert again["identification"] == pytest.approx(max(scores), abs=1e-3)


@pytest.mark.parametrize("masked_weight", [0.0, 0.1])
def test_alignment_resumes_exactly(masked: TrainResult, masked_weight: float) -> None:
    def run(hooks: Hooks | None = None) -> TrainResult:
        return align(masked, hooks, masked_weight=masked_weight, epochs=5)

    result = run()
    assert equal(killed_and_resumed(run, at=3, every=1), result)
    assert ("masked_loss" in result.history[0]) == (masked_weight > 0)
    assert any("decoder" in name for name in result.state) == (masked_weight > 0)


def test_patience_stops_early(masked: TrainResult) -> None:
    result = align(masked, epochs=40, patience=1, lr=0.02)
    scores = [record["identification"] for record in result.history]
    assert len(scores) < 40
    assert scores[-1] <= scores[-2]


def test_a_clip_on_both_sides_is_refused(masked: TrainResult) -> None:
    world = make_world()
    with pytest.raises(DataError, match="both held out and trained on"):
        tune_contrastive(
            world.rows, world.clip_ids, world.embeddings, ALIGNED, start=masked, held_out=np.array([0, 2, 4])
        )


def test_pairs_that_do_not_belong_together_are_refused(masked: TrainResult) -> None:
    world = make_world()
    held = hold_out(world.clip_ids, 0.2)

    def tune(**changes: np.ndarray) -> None:
        given = {"rows": world.rows, "clip_ids": world.clip_ids, "embeddings": world.embeddings, "held_out": held}
        tune_contrastive(params=ALIGNED, start=masked, **{**given, **changes})  # type: ignore[arg-type]

    for wrong in (
        {"clip_ids": world.clip_ids[:-1]},
        {"clip_ids": world.clip_ids + 100},
        {"embeddings": np.full_like(world.embeddings, np.nan)},
        {"held_out": np.array([], dtype=int)},
        {"held_out": np.array([10_000])},
        {"held_out": np.arange(len(world.rows))},
        {"rows": np.full_like(world.rows, np.inf)},
    ):
        with pytest.raises(DataError):
            tune(**wrong)


def test_features_are_the_pooled_tokens_whatever_the_batch(masked: TrainResult, aligned: TrainResult) -> None:
    rows = make_world().test_rows
    features = extract(rebuild(masked), rows)
    assert features.shape == (30, 32) and features.dtype == np.float32
    assert np.allclose(extract(rebuild(masked), rows, batch_size=7), features, atol=1e-5)
    network = rebuild(masked)
    model, prepared = network.module, torch.from_numpy(network.prepare(rows))
    with torch.no_grad():
        tokens = model(prepared, mask_ratio=0.0, noise=None)
        assert tokens.loss.item() == 0
        pooled = model.encode(prepared).tokens  # type: ignore[operator]
    assert np.allclose(features, pooled[:, 1:].mean(dim=1).numpy(), atol=1e-5)
    assert np.allclose(extract(rebuild(masked), rows, pool="cls"), pooled[:, 0].numpy(), atol=1e-5)
    assert extract(rebuild(aligned), rows).shape == (30, 32)
    with pytest.raises(UsageError, match="no embedding"):
        extract(rebuild(masked), rows, what="embedding")


def test_retrieval_scores_by_hand() -> None:
    candidates = np.eye(3, dtype=np.float32)
    predicted = np.array([[5, 1, 0], [0.5, 0.2, 0.1], [0, 0, 1]], dtype=np.float32)
    scores = retrieval_scores(predicted, candidates, np.array([0, 1, 2]))
    assert scores["top1"] == pytest.approx(2 / 3)
    assert scores["identification"] == pytest.approx((1 + 0.5 + 1) / 3)
    expected = np.mean([np.corrcoef(p, c)[0, 1] for p, c in zip(predicted, candidates, strict=True)])
    assert scores["correlation"] == pytest.approx(expected, abs=1e-5)
    flat = retrieval_scores(np.ones((3, 3), dtype=np.float32), candidates, np.array([0, 1, 2]))
    assert flat["top1"] == pytest.approx(1 / 3) and flat["identification"] == pytest.approx(0.5)


def test_a_result_survives_its_files(tmp_path: Path, aligned: TrainResult) -> None:
    aligned.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "config.json", "history.json"}
    back = load_result(tmp_path)
    assert equal(back, aligned)
    rows = make_world().test_rows
    assert np.array_equal(
        extract(rebuild(back), rows, what="embedding"), extract(rebuild(aligned), rows, what="embedding")
    )
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match="safetensors"):
        load_result(tmp_path)
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(IntegrityError, match="not JSON"):
        load_result(tmp_path)
    (tmp_path / "history.json").unlink()
    with pytest.raises(MissingError):
        load_result(tmp_path)


def test_any_nest_of_tensors_and_json_survives_packing() -> None:
    nest = {
        "state": {0: {"step": torch.tensor(3.0), "a": [1, (2.5, None)]}},
        "groups": [{"lr": 0.1, "on": True}],
        "": "x",
    }
    skeleton, tensors = pack(nest)
    assert list(tensors) == ["state/0/step"]
    back = unpack(skeleton, tensors)
    assert back["state"][0].pop("step").equal(nest["state"][0].pop("step"))  # type: ignore[index]
    assert back == nest
    with pytest.raises(IntegrityError):
        unpack(skeleton, {})
    with pytest.raises(UsageError, match="groups/0"):
        pack({"groups": [object()]})
