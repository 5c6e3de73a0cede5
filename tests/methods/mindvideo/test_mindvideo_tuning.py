"""MinD-Video's tuning on a small world: it learns, resumes exactly, starts from what it should, gives contexts back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.encoder import JOINT, as_volumes, prepare_windows, rebuild_encoder
from brainflix.methods.mindvideo.networks import MindVideoEncoder
from brainflix.methods.mindvideo.parts import MindVideoContrastiveParams
from brainflix.methods.mindvideo.predict import context_of
from brainflix.methods.mindvideo.train.encoder import start_encoder, tune_mindvideo
from brainflix.train.contrastive import tune_contrastive
from brainflix.train.loop import FitState, Hooks
from brainflix.train.masked import train_masked
from brainflix.trained.features import extract
from brainflix.trained.files import TrainResult
from brainflix.trained.network import rebuild, window_of
from brainflix.trained.retrieval import retrieval_scores
from tests.train.worlds import ALIGNED, COLUMNS, MASKED, hold_out, make_world

PARAMS = MindVideoContrastiveParams(preset="tiny", context_width=12, n_tokens=4, epochs=8, batch_size=40, lr=8e-3)
WORLD = make_world()


def windows(rows: np.ndarray, seed: int = 9) -> np.ndarray:
    """Put a second, noisier look at each row beside it."""
    noise = np.random.default_rng(seed).standard_normal(rows.shape).astype(np.float32)
    return np.concatenate([rows, rows + noise], axis=1)


ROWS, TEST_ROWS = windows(WORLD.rows), windows(WORLD.test_rows)
# Token states whose mean says the same of a clip as its image, in another basis.
TEXT = np.random.default_rng(2).standard_normal((len(WORLD.embeddings), 3, 12)) / 4
TEXT += (WORLD.embeddings @ np.linalg.qr(np.random.default_rng(3).standard_normal((12, 12)))[0])[:, None]


class Killed(Exception):
    """Stands for the process being killed."""


@pytest.fixture(scope="module")
def masked() -> TrainResult:
    return train_masked(WORLD.rows, MASKED.model_copy(update={"epochs": 10}), seed=3)


@pytest.fixture(scope="module")
def tuned(masked: TrainResult) -> TrainResult:
    return tune(masked)


def tune(start: TrainResult, hooks: Hooks | None = None, text: np.ndarray = TEXT, **changes: object) -> TrainResult:
    return tune_mindvideo(
        ROWS,
        WORLD.clip_ids,
        WORLD.embeddings,
        text,
        PARAMS.model_copy(update=changes),
        start=start,
        held_out=hold_out(WORLD.clip_ids, 0.2),
        seed=4,
        hooks=hooks,
    )


def equal(a: TrainResult, b: TrainResult) -> bool:
    same = a.state.keys() == b.state.keys() and all(a.state[name].equal(b.state[name]) for name in b.state)
    return same and a.history == b.history and a.config == b.config


def test_tuning_finds_clips_that_it_never_saw_by_image_and_by_text(tuned: TrainResult) -> None:
    found = extract(rebuild(tuned), TEST_ROWS, what="embedding")
    assert found.shape == (30, 12) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    for goal in (WORLD.embeddings, TEXT.mean(axis=1)):
        scores = retrieval_scores(found, goal[WORLD.test_ids].astype(np.float32), np.arange(30))
        assert scores["identification"] > 0.8  # chance 0.5
    first, last = tuned.history[0], tuned.history[-1]
    assert last["loss"] < first["loss"]
    assert last["loss"] == pytest.approx((last["image_loss"] + last["text_loss"]) / 2, rel=1e-5)
    assert max(record["identification"] for record in tuned.history) > 0.8


def test_tuning_towards_shuffled_clips_finds_nothing(masked: TrainResult) -> None:
    wrong = np.random.default_rng(0).permutation(len(WORLD.embeddings))
    result = tune_mindvideo(
        ROWS,
        WORLD.clip_ids,
        WORLD.embeddings[wrong],
        TEXT[wrong],
        PARAMS,
        start=masked,
        held_out=hold_out(WORLD.clip_ids, 0.2),
    )
    assert abs(np.mean([record["identification"] for record in result.history]) - 0.5) < 0.12


def test_the_result_is_a_bare_encoder_with_the_released_names(tuned: TrainResult) -> None:
    model, preparation = rebuild_encoder(tuned)
    assert isinstance(model, MindVideoEncoder) and set(tuned.state) == set(model.state_dict())
    assert preparation.n_columns == COLUMNS and tuned.config["architecture"] == "mindvideo-encoder"
    assert model.config.width == MASKED.width and model.config.window == 2
    assert not tuned.state["blocks.0.attn_temp.proj.weight"].eq(0).all()


def test_tuning_resumes_exactly(masked: TrainResult) -> None:
    saved: dict[int, FitState] = {}

    def die(record: Mapping[str, float]) -> None:
        if record["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        tune(masked, Hooks(on_checkpoint=saved.__setitem__, checkpoint_every=1, on_epoch=die), epochs=4)
    assert equal(tune(masked, Hooks(resume=saved[max(saved)]), epochs=4), tune(masked, epochs=4))


def test_text_weight_shares_the_loss_out(masked: TrainResult) -> None:
    record = tune(masked, epochs=1, text_weight=0.25, warmup_epochs=0).history[0]
    assert record["loss"] == pytest.approx(0.75 * record["image_loss"] + 0.25 * record["text_loss"], rel=1e-5)


def test_context_is_the_networks_output_whatever_the_batch(tuned: TrainResult) -> None:
    context = context_of(tuned, TEST_ROWS)
    assert context.shape == (30, 4, 12) and context.dtype == np.float32
    assert np.allclose(context_of(tuned, TEST_ROWS, batch_size=7), context, atol=1e-5)
    model, preparation = rebuild_encoder(tuned)
    by_volume = np.stack([preparation.apply(TEST_ROWS[:, :COLUMNS]), preparation.apply(TEST_ROWS[:, COLUMNS:])], axis=1)
    with torch.no_grad():
        assert np.allclose(model(torch.from_numpy(by_volume)).numpy(), context, atol=1e-5)
    mean = context.mean(axis=1)
    unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    assert np.allclose(extract(rebuild(tuned), TEST_ROWS, what="embedding"), unit, atol=1e-5)
    assert extract(rebuild(tuned), TEST_ROWS).shape == (30, MASKED.width)
    with pytest.raises(UsageError, match="no pool 'cls'"):
        extract(rebuild(tuned), TEST_ROWS, pool="cls")


def test_the_first_token_can_stand_for_the_context(masked: TrainResult) -> None:
    result = tune(masked, pool="first", epochs=1)
    first = context_of(result, TEST_ROWS)[:, 0]
    unit = first / np.linalg.norm(first, axis=1, keepdims=True)
    assert np.allclose(extract(rebuild(result), TEST_ROWS, what="embedding"), unit, atol=1e-5)


def test_a_joint_model_holds_an_encoder(tuned: TrainResult, masked: TrainResult) -> None:
    state = {f"encoder.{name}": tensor for name, tensor in tuned.state.items()} | {"unet.a": torch.zeros(3)}
    config = {
        "architecture": JOINT,
        "encoder": tuned.config["network"],
        "unet": {},
        "preparation": tuned.config["preparation"],
    }
    joint = TrainResult(state, config, ())
    assert np.array_equal(context_of(joint, TEST_ROWS), context_of(tuned, TEST_ROWS))
    assert np.array_equal(
        extract(rebuild(joint), TEST_ROWS, what="embedding"), extract(rebuild(tuned), TEST_ROWS, what="embedding")
    )
    with pytest.raises(UsageError, match="a mbm has no context"):
        context_of(masked, TEST_ROWS)


def test_tuning_starts_from_trunks_aligned_or_not_and_from_encoders(masked: TrainResult, tuned: TrainResult) -> None:
    aligned = tune_contrastive(
        WORLD.rows,
        WORLD.clip_ids,
        WORLD.embeddings,
        ALIGNED.model_copy(update={"epochs": 1}),
        start=masked,
        held_out=hold_out(WORLD.clip_ids, 0.2),
    )
    for start, name in ((masked, ""), (aligned, "encoder.")):
        model, _ = start_encoder(start, ROWS, PARAMS, seed=0)
        assert model.blocks[0].attn.qkv.weight.equal(start.state[f"{name}blocks.0.attn.qkv.weight"])  # type: ignore[union-attr,operator]
        assert model.blocks[0].attn_temp.proj.weight.abs().max() == 0  # type: ignore[union-attr,operator]
    loud, _ = start_encoder(masked, ROWS, PARAMS.model_copy(update={"compat": "mindvideo"}), seed=0)
    assert loud.blocks[0].attn_temp.proj.weight.abs().max() > 0  # type: ignore[union-attr,operator]
    again, _ = start_encoder(tuned, ROWS, PARAMS, seed=0)
    assert all(tensor.equal(tuned.state[name]) for name, tensor in again.state_dict().items())
    odd = TrainResult({}, {"architecture": "inflated-unet"}, ())
    with pytest.raises(UsageError, match="holds no trunk"):
        start_encoder(odd, ROWS, PARAMS, seed=0)


def test_a_trunk_of_other_rows_serves(masked: TrainResult) -> None:
    narrow = np.concatenate([ROWS[:, :50], ROWS[:, COLUMNS : COLUMNS + 50]], axis=1)
    model, preparation = start_encoder(masked, narrow, PARAMS, seed=0)
    assert model.config.n_patches == 7 and preparation.n_columns == 50
    assert model(torch.from_numpy(prepare_windows(preparation, narrow[:3], 2))).shape == (3, 4, 12)


def test_vertex_dropout_hides_the_same_vertices_in_the_whole_window(
    masked: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    forward = MindVideoEncoder.forward

    def spy(self: MindVideoEncoder, rows: torch.Tensor) -> torch.Tensor:
        if self.training:
            seen.append(rows.eq(0))
        return forward(self, rows)

    monkeypatch.setattr(MindVideoEncoder, "forward", spy)
    tune(masked, epochs=1, vertex_dropout=0.3)
    hidden = torch.cat(seen)
    assert hidden[:, 0].equal(hidden[:, 1])
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert not hidden[0].equal(hidden[1])


def test_windows_are_cut_into_volumes() -> None:
    rows = np.arange(12.0).reshape(2, 6)
    assert as_volumes(rows, 2).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    with pytest.raises(DataError, match="no windows of 4 volumes"):
        as_volumes(rows, 4)


def test_the_window_comes_from_the_parameters_where_it_fits(tuned: TrainResult, masked: TrainResult) -> None:
    assert window_of(rebuild(tuned).n_volumes, {"window_tr": (0, 2)}) == (0, 2)
    assert window_of(rebuild(tuned).n_volumes, {"window_tr": (0,)}) == window_of(rebuild(tuned).n_volumes, {}) == (0, 1)
    assert window_of(rebuild(masked).n_volumes, {"window_tr": (-1, 0, 1)}) == (-1, 0, 1)
    assert window_of(rebuild(masked).n_volumes, {}) == (0,)


def test_what_does_not_belong_together_is_refused(masked: TrainResult, tuned: TrainResult) -> None:
    with pytest.raises(DataError, match=r"text is of shape .*12 channels") as caught:
        tune(masked, text=TEXT[..., :7])
    assert "context_width to 7" in caught.value.next
    with pytest.raises(DataError, match="no windows of 7 volumes"):
        tune(masked, window_tr=tuple(range(7)))
    with pytest.raises(DataError, match="reads windows of 2 volumes"):
        tune(tuned, window_tr=(-1, 0, 1))
    with pytest.raises(DataError, match="finite"):
        tune(masked, text=np.full_like(TEXT, np.nan))
    other = TrainResult(tuned.state, tuned.config | {"network": tuned.config["network"] | {"depth": 3}}, ())
    with pytest.raises(DataError, match=r"missing blocks\.2"):
        rebuild(other)
