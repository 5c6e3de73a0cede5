"""Training of MinD-Video's generator: the objective, frozen layers, both phases, and both as parts on a small world."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from scipy.special import ndtri
from torch import Tensor, nn

from brainflix.demo.make_weights.unet import build_scheduler
from brainflix.device import CPU
from brainflix.errors import DataError
from brainflix.methods.mindvideo.networks import MindVideoEncoder, MindVideoEncoderConfig, build_mindvideo_encoder
from brainflix.methods.mindvideo.parts import MindVideoJointParams, MindVideoVideoParams
from brainflix.methods.mindvideo.predict import context_of
from brainflix.methods.mindvideo.train.encoder import mindvideo_config
from brainflix.methods.mindvideo.train.joint import tune_joint
from brainflix.methods.mindvideo.train.phases import trained_denoiser
from brainflix.methods.mindvideo.train.video import tune_video
from brainflix.models.inflated_unet import InflatedUNet, inflate
from brainflix.parts.find import find
from brainflix.parts.work import Tools
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Responses, Targets
from brainflix.store.store import Store
from brainflix.train.data import step_noise
from brainflix.train.denoising import by_channel, denoising_loss, drop_some, kept_signal, noise_widths, normal_noise
from brainflix.train.frozen import chosen_layers, train_only, whole_state
from brainflix.train.loop import FitState, Hooks
from brainflix.trained.files import TrainResult, load_result
from brainflix.trained.preparation import Preparation
from tests import parts_world as world

TINY = {
    "sample_size": 64,
    "down_block_types": ("CrossAttnDownBlock2D",),
    "up_block_types": ("CrossAttnUpBlock2D",),
    "block_out_channels": (8,),
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "cross_attention_dim": 6,
    "attention_head_dim": 2,
}
N_CLIPS, N_FRAMES, N_TOKENS, COLUMNS = 24, 3, 2, 16


def encoder_size(columns: int, context_width: int = 6) -> MindVideoEncoderConfig:
    return MindVideoEncoderConfig(
        columns, 8, width=8, depth=1, heads=2, window=2, n_tokens=N_TOKENS, context_width=context_width
    )


SIZE = encoder_size(COLUMNS)
PREPARATION = Preparation(COLUMNS, 8, False, 0.0, 1.0)
KEPT = build_scheduler().alphas_cumprod
FAST = {"weights": "demo/mindvideo", "epochs": 2, "warmup_epochs": 0, "batch_size": 8, "lr": 5e-3}
VIDEO, JOINT = MindVideoVideoParams(**FAST), MindVideoJointParams(**FAST)


class Killed(Exception):
    """Stands for the process being killed."""


def denoiser(seed: int = 0) -> InflatedUNet:
    return inflate(TINY, None, seed)


def encoder() -> MindVideoEncoder:
    return build_mindvideo_encoder(SIZE, torch.Generator().manual_seed(1))


def clips() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents that are all one number, which the texts and the rows say."""
    level = np.random.default_rng(0).standard_normal((N_CLIPS, 1)).astype(np.float32)
    latents = np.broadcast_to(level[:, :, None, None, None], (N_CLIPS, N_FRAMES, 4, 4, 4))
    text = np.broadcast_to(level[:, :, None], (N_CLIPS, N_TOKENS, 6))
    return latents, text, np.repeat(level, 2 * COLUMNS, axis=1)


def tuned_video(hooks: Hooks | None = None, **changes: object) -> TrainResult:
    latents, text, _ = clips()
    params = VIDEO.model_copy(update=changes)
    return tune_video(latents, text, params, start=denoiser(), kept=KEPT, seed=5, hooks=hooks)


def tuned_joint(hooks: Hooks | None = None, **changes: object) -> TrainResult:
    latents, _, rows = clips()
    both = {"encoder": encoder(), "unet": denoiser(), "preparation": PREPARATION, "pool": "mean"}
    params = JOINT.model_copy(update=changes)
    return tune_joint(rows, np.arange(N_CLIPS), latents, params, **both, kept=KEPT, seed=5, hooks=hooks)


def equal(a: TrainResult, b: TrainResult) -> bool:
    same = a.state.keys() == b.state.keys() and all(a.state[name].equal(b.state[name]) for name in b.state)
    return same and a.history == b.history and a.config == b.config


def moved(result: TrainResult, before: Mapping[str, Tensor]) -> set[str]:
    return {name for name, tensor in result.state.items() if not tensor.equal(before[name])}


def test_normal_noise_is_scipys_and_never_infinite() -> None:
    uniform = step_noise(0, 1, 2, "noise", (50, 400))
    found = normal_noise(torch.from_numpy(uniform)).numpy()
    np.testing.assert_allclose(found, ndtri(uniform.astype(np.float64).clip(2.0**-25)), atol=1e-4)
    assert abs(found.mean()) < 0.03 and abs(found.std() - 1) < 0.03
    assert torch.isfinite(normal_noise(torch.tensor([0.0, 1 - 2.0**-24]))).all()


def test_the_noised_latents_are_diffusers(tmp_path: Path) -> None:
    build_scheduler().save_pretrained(tmp_path)
    kept = kept_signal(tmp_path)
    latents = torch.randn((5, 4, 3, 2, 2), generator=torch.Generator().manual_seed(0))
    batch = {"clip": torch.tensor([4, 1]), "dropped": torch.ones(2, 1), "time": torch.tensor([[0.0], [0.9995]])}
    batch["noise"] = torch.from_numpy(step_noise(0, 0, 0, "noise", (2, 48)))
    seen: list[tuple[Tensor, Tensor]] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor, t: Tensor, condition: str) -> Tensor:
            assert condition == "told"
            seen.append((x, t))
            return torch.zeros_like(x)

    loss = denoising_loss(latents, kept, lambda _: "told")(Spy(), batch)["loss"]  # type: ignore[arg-type,return-value]
    noise = normal_noise(batch["noise"]).view(2, 4, 3, 2, 2)
    assert seen[0][1].tolist() == [0, 999]
    scheduler = DDPMScheduler.from_pretrained(tmp_path)
    torch.testing.assert_close(seen[0][0], scheduler.add_noise(latents[[4, 1]], noise, torch.tensor([0, 999])))
    torch.testing.assert_close(loss, noise.square().mean())


def test_networks_that_predict_no_noise_are_refused(tmp_path: Path) -> None:
    DDPMScheduler(prediction_type="v_prediction").save_pretrained(tmp_path)
    with pytest.raises(DataError, match="v_prediction"):
        kept_signal(tmp_path)


def test_a_share_of_the_conditions_is_the_mean() -> None:
    values, mean = torch.ones(1000, 2, 3), torch.full((2, 3), 7.0)
    uniform = torch.from_numpy(step_noise(0, 0, 0, "dropped", (1000, 1)))
    share = (drop_some(values, mean, uniform, 0.1) == 7).float()
    assert 0.07 < float(share.mean()) < 0.13 and set(share.mean((1, 2)).tolist()) == {0.0, 1.0}
    assert drop_some(values, mean, uniform, 0.0).equal(values)


def test_latents_in_another_order_of_axes_are_refused() -> None:
    assert by_channel(np.zeros((2, 3, 4, 5, 6)), 4).shape == (2, 4, 3, 5, 6)
    with pytest.raises(DataError, match="latents are of shape"):
        by_channel(np.zeros((2, 4, 3, 5, 6)), 4)
    assert noise_widths((4, 3, 5, 6)) == {"noise": 360, "time": 1, "dropped": 1}


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        (("temporal",), {"attn_temp", "norm_temp"}),
        (("cross-attention",), {"attn2", "norm2"}),
        (("temporal", "self-attention"), {"attn_temp", "norm_temp", "attn1", "norm1"}),
    ],
)
def test_layers_are_chosen_by_what_they_do(kinds: tuple[str, ...], parts: set[str]) -> None:
    names = [name for name, _ in denoiser().named_parameters()]
    chosen = [name for name in names if chosen_layers(kinds)(name)]
    assert {name.split("transformer_blocks.0.")[1].split(".")[0] for name in chosen} == parts
    assert any(".resnets.0.norm1." in name for name in names), "residual blocks have norms of the same name"
    assert all(chosen_layers(("all",))(name) for name in names)


def test_frozen_layers_are_no_part_of_a_state_and_need_not_be_loaded() -> None:
    model, other = denoiser(), denoiser(seed=1)
    train_only(model, chosen_layers(("temporal",)))
    state = model.state_dict()
    assert state and all("_temp." in name for name in state)
    assert whole_state(model).keys() == other.state_dict().keys()
    train_only(other, chosen_layers(("temporal",)))
    other.load_state_dict(state, strict=True)
    assert all(other.state_dict()[name].equal(tensor) for name, tensor in state.items())
    lost = dict(list(state.items())[1:])
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(lost, strict=True)


@pytest.mark.parametrize("train", [tuned_video, tuned_joint])
def test_training_learns_what_noise_is(train: Callable[..., TrainResult]) -> None:
    losses = [record["loss"] for record in train(epochs=12, train_layers=("all",), lr=1e-2).history]
    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_video_tuning_moves_only_its_layers() -> None:
    result = tuned_video()
    before = denoiser().state_dict()
    assert all(chosen_layers(VIDEO.train_layers)(name) for name in moved(result, before)) and moved(result, before)
    assert result.config["unet"]["sample_size"] == 4, "the size of the latents that it was trained on"
    config, state = trained_denoiser(result)
    assert inflate(config, state, 0).config.cross_attention_dim == 6


def test_joint_training_moves_the_encoder_and_the_chosen_layers() -> None:
    result = tuned_joint()
    before = {f"encoder.{name}": each for name, each in encoder().state_dict().items()}
    before |= {f"unet.{name}": each for name, each in denoiser().state_dict().items()}
    assert before.keys() == result.state.keys()
    changed = moved(result, before)
    of_unet = {name for name in changed if name.startswith("unet.")}
    assert of_unet and all(chosen_layers(JOINT.train_layers)(name) for name in of_unet)
    assert {"encoder.proj_head.fc.weight", "encoder.patch_embed.proj.weight"} <= changed
    assert not {"encoder.cls_token", "encoder.mask_token", "encoder.logit_scale", "encoder.pos_embed"} & changed
    assert context_of(result, clips()[2]).shape == (N_CLIPS, N_TOKENS, 6)


@pytest.mark.parametrize("train", [tuned_video, tuned_joint])
def test_a_killed_training_resumes_exactly_from_checkpoints_without_frozen_layers(
    train: Callable[..., TrainResult],
) -> None:
    saved: dict[int, FitState] = {}

    def die(done: int, _: int) -> None:
        if done == 5:  # in the second epoch
            raise Killed

    with pytest.raises(Killed):
        train(Hooks(on_checkpoint=saved.__setitem__, checkpoint_every=1, on_step=die))
    whole = train()
    assert saved[1].model.keys() < whole.state.keys()
    assert not any("resnets" in name for name in saved[1].model)
    assert equal(train(Hooks(resume=saved[max(saved)])), whole)


@pytest.mark.parametrize("train", [tuned_video, tuned_joint])
def test_recomputing_activations_trains_the_same_network(train: Callable[..., TrainResult]) -> None:
    plain, again = train(epochs=1), train(Hooks(recompute=True), epochs=1)
    for name, tensor in plain.state.items():
        torch.testing.assert_close(again.state[name], tensor, atol=1e-6, rtol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    latents, text, rows = clips()
    with pytest.raises(DataError, match="contexts are of shape"):
        tune_video(latents, text[:, :, :5], VIDEO, start=denoiser(), kept=KEPT)
    wide = build_mindvideo_encoder(encoder_size(COLUMNS, 7), torch.Generator())
    both = {"unet": denoiser(), "preparation": PREPARATION, "pool": "mean", "kept": KEPT}
    with pytest.raises(DataError, match="7 channels"):
        tune_joint(rows, np.arange(N_CLIPS), latents, JOINT, encoder=wide, **both)
    with pytest.raises(DataError, match="needs the number of one of"):
        tune_joint(rows, np.full(N_CLIPS, N_CLIPS), latents, JOINT, encoder=encoder(), **both)


# Both phases as parts.

LATENTS, TEXT, ENCODER, UNET = (
    Ref(kind, f"toy-{name}", "3" * 12)
    for kind, name in (("targets", "z"), ("targets", "text"), ("model", "encoder"), ("model", "unet"))
)
SMALL = encoder_size(world.COLUMNS, 6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    denoiser().save_pretrained(folder / "unet")
    build_scheduler().save_pretrained(folder / "scheduler")
    return folder


def fill(root: Path, test_value: float) -> Store:
    """A store whose test clips all have one value, in their responses and in their latents."""
    store = Store(root)
    world.fill(store, test_response=test_value)
    clip_table = world.make_clips()
    rng = np.random.default_rng(3)
    latents = rng.standard_normal((len(clip_table), N_FRAMES, 4, 4, 4))
    latents[clip_table.of("test")] = test_value
    text = rng.standard_normal((len(clip_table), N_TOKENS, 6))
    text[clip_table.of("test")] = test_value
    made = build_mindvideo_encoder(SMALL, torch.Generator().manual_seed(1))
    preparation = Preparation(world.COLUMNS, 8, False, 0.0, 1.0)
    tuned = TrainResult(made.state_dict(), mindvideo_config(SMALL, "mean", preparation), ())
    # Targets are found by clip ids, so their order is their own.
    back = Clips(**{name: tuple(reversed(getattr(clip_table, name))) for name in ("ids", "segment", "caption")},
                 onset_s=clip_table.onset_s[::-1], split=clip_table.split[::-1])  # fmt: skip
    saves: tuple[tuple[Ref, Callable[[Path], object]], ...] = (
        (LATENTS, Targets(latents[::-1], back).save),
        (TEXT, Targets(text, clip_table).save),
        (ENCODER, tuned.save),
    )
    for ref, save in saves:
        with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            save(out.path)
    return store


def run(store: Store, part: str, weights: Path, inputs: dict[str, tuple[Ref, ...]], **params: object) -> TrainResult:
    given = {"preset": "tiny", "epochs": 2, "batch_size": 16, "weights": str(weights), **params}
    job = world.job("train", part, "model", given, inputs)
    opened = {role: [store.open(ref) for ref in refs] for role, refs in inputs.items()}
    result = world.call(find("train", part).load(), job, opened, Tools(store, lambda: CPU))
    assert isinstance(result, TrainResult)
    return result


ROLES = {"rows": tuple(world.BOLD), "latents": (LATENTS,), "encoder": (ENCODER,)}


def test_parts_train_on_the_training_clips_alone(tmp_path: Path, weights: Path) -> None:
    stores = [fill(tmp_path / str(value), value) for value in (0.5, 900.0)]
    for part, roles in (("mindvideo-video", {"latents": (LATENTS,), "text": (TEXT,)}), ("mindvideo-joint", ROLES)):
        one, other = (run(store, part, weights, roles) for store in stores)
        assert equal(one, other), f"{part} saw a test clip"
        assert all(math.isfinite(record["loss"]) for record in one.history) and len(one.history) == 2


def test_the_joint_phase_goes_on_from_a_trained_denoiser_or_from_the_weights(tmp_path: Path, weights: Path) -> None:
    store = fill(tmp_path, 0.0)
    video = run(store, "mindvideo-video", weights, {"latents": (LATENTS,), "text": (TEXT,)})
    with store.publish(UNET, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        video.save(out.path)
    resting = {"epochs": 0, "warmup_epochs": 0}
    bare = run(store, "mindvideo-joint", weights, ROLES, **resting).state
    tuned = run(store, "mindvideo-joint", weights, ROLES | {"unet": (UNET,)}, **resting).state
    for found, expected in ((bare, denoiser().state_dict()), (tuned, video.state)):
        assert all(found[f"unet.{name}"].equal(tensor) for name, tensor in expected.items())
    more = run(store, "mindvideo-video", weights, {"latents": (LATENTS,), "text": (TEXT,), "unet": (UNET,)}, **resting)
    assert all(more.state[name].equal(tensor) for name, tensor in video.state.items())


def test_the_result_survives_its_files_and_holds_an_encoder(tmp_path: Path, weights: Path) -> None:
    store = fill(tmp_path, 0.0)
    result = run(store, "mindvideo-joint", weights, ROLES)
    result.save(tmp_path)
    back = load_result(tmp_path)
    assert equal(back, result)
    config, state = trained_denoiser(back)
    assert inflate(config, state, 0).config.sample_size == 4
    rows = Responses.load(store.open(world.BOLD[0])).response[:3]
    assert context_of(back, np.concatenate([rows, rows], axis=1)).shape == (3, N_TOKENS, 6)


def test_a_window_that_is_not_the_encoders_is_refused(tmp_path: Path, weights: Path) -> None:
    store = fill(tmp_path, 0.0)
    with pytest.raises(DataError, match="reads the rows at"):
        run(store, "mindvideo-joint", weights, ROLES, window_tr=(-1, 0))
    with pytest.raises(DataError, match="holds no denoiser"):
        run(store, "mindvideo-joint", weights, ROLES | {"unet": (ENCODER,)})
