"""MinD-Video's generator on a small twin: guidance, solvers, sizes and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, PNDMScheduler

from brainflix.demo.make_weights.unet import build_scheduler
from brainflix.demo.make_weights.vae import build as build_vae
from brainflix.device import Compute, pick_compute
from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.generate import MindVideo, load, load_solver
from brainflix.methods.mindvideo.parts import MindVideoGeneratorParams
from brainflix.methods.mindvideo.train.video import unet_settings
from brainflix.models.inflated_unet import inflate
from brainflix.parts.work import Work
from brainflix.pretrained.vae import decode_latents
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.seeds import clip_noise
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.trained.files import TrainResult

N_FRAMES, IDS = 3, ("a_1", "a_2", "a_3")
COMPUTE = pick_compute("cpu", "float32")
TINY = {
    "sample_size": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "block_out_channels": (16, 24),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 6,
    "attention_head_dim": 2,
}
CONTEXT, NEGATIVE = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline's folder as the released ones: vae and scheduler."""
    root = tmp_path_factory.mktemp("pipeline")
    build_vae().save_pretrained(root / "vae")
    build_scheduler().save_pretrained(root / "scheduler")
    return root


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a jointly trained model's denoiser."""
    unet = inflate(TINY, None, 0)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "attn2" in name:
                parameter.mul_(20)  # so that contexts show
    state = {f"unet.{name}": tensor for name, tensor in unet.state_dict().items()} | {"encoder.norm": torch.ones(2)}
    place = Store(tmp_path_factory.mktemp("store"))
    with place.publish(UNET, stage="train", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        TrainResult(state, {"architecture": "mindvideo-joint", "unet": unet_settings(unet)}, ()).save(out.path)
    return place


UNET = Ref("model", "toy-joint", "0" * 12)


def generator(
    folder: Path, store: Store, negative: bool = True, compute: Compute = COMPUTE, **changes: object
) -> MindVideo:
    given = {"weights": str(folder), "steps": 4, "guidance_scale": 5.0, **changes}
    params = MindVideoGeneratorParams.model_validate(given)
    roles = {"unet": [store.open(UNET)]} | ({"negative": []} if negative else {})
    return load(params, roles, Work(store, lambda: compute, ref=Ref("videos", "x", "0" * 12), seed=7))


def frames(made: MindVideo, index: tuple[int, ...] = (0, 1, 2), negative: np.ndarray | None = NEGATIVE) -> np.ndarray:
    rows = list(index)
    conditions = {"context": CONTEXT[rows]} | ({} if negative is None else {"negative": negative[rows]})
    return made(Batch(tuple(IDS[i] for i in rows), conditions, N_FRAMES))


def test_shape_determinism_and_independence_of_the_batch(folder: Path, store: Store) -> None:
    made = generator(folder, store)
    together = frames(made)
    assert together.shape == (3, N_FRAMES, 64, 64, 3) and together.dtype == np.uint8
    assert np.array_equal(together, frames(made))
    # With more digits, since guidance blows up what a batch of another size changes in the last ones.
    exact = generator(folder, store, compute=Compute(torch.device("cpu"), torch.float64, "to compare"))
    whole = frames(exact).astype(int)
    for index in ((2, 0), (1,)):
        assert np.abs(frames(exact, index).astype(int) - whole[list(index)]).max() <= 1
    assert not np.array_equal(together, frames(generator(folder, store, sample=1)))
    assert made.notes["solver"] == "DPMSolverMultistepScheduler" and str(made.notes["attention"]).startswith("sdpa")


def test_more_steps_than_the_schedule_has_are_refused_before_networks_are_loaded(folder: Path, store: Store) -> None:
    with pytest.raises(UsageError, match=r"1000 steps do not fit into the noise schedule.*999 or fewer"):
        generator(folder, store, solver="ddim", steps=1000)
    assert generator(folder, store, solver="ddim", steps=999).params.steps == 999


def test_guidance_leads_away_from_the_negative_context(folder: Path, store: Store) -> None:
    """Two DDIM steps written out: both branches, the scale, and the published update (eta 0)."""
    made = generator(folder, store, solver="ddim", steps=2)
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler", timestep_spacing="leading", steps_offset=1)
    scheduler.set_timesteps(2)
    kept = scheduler.alphas_cumprod
    x = clip_noise(7, IDS, (N_FRAMES, 4, 8, 8)).transpose(1, 2)
    context, negative = torch.from_numpy(CONTEXT), torch.from_numpy(NEGATIVE)
    with torch.inference_mode():
        for t, before in zip(scheduler.timesteps.tolist(), [*scheduler.timesteps.tolist()[1:], None], strict=True):
            one, other = (made.unet(x, torch.tensor(t), each) for each in (context, negative))
            noise = other + 5.0 * (one - other)
            clean = (x - (1 - kept[t]).sqrt() * noise) / kept[t].sqrt()
            then = kept[before] if before is not None else scheduler.final_alpha_cumprod
            x = then.sqrt() * clean + (1 - then).sqrt() * noise
        expected = decode_latents(made.vae, x.transpose(1, 2))
    assert np.abs(frames(made).astype(int) - expected.astype(int)).max() <= 1


def test_without_guidance_no_negative_is_read(folder: Path, store: Store) -> None:
    alone = frames(generator(folder, store, negative=False, guidance_scale=1.0), negative=None)
    assert np.array_equal(alone, frames(generator(folder, store, guidance_scale=1.0)))
    assert not np.array_equal(alone, frames(generator(folder, store)))
    with pytest.raises(UsageError, match="'negative'"):
        generator(folder, store, negative=False)


def test_the_size_is_the_denoisers_or_the_recipes(folder: Path, store: Store) -> None:
    assert frames(generator(folder, store, size_px=32)).shape == (3, N_FRAMES, 32, 32, 3)
    assert MindVideoGeneratorParams(weights=str(folder)).model_dump(exclude={"weights", "revision"}) == {
        **{"vae": "vae", "scheduler": "scheduler", "solver": "folder", "sample": 0, "split": "test"},
        **{"size_px": 0, "steps": 200, "guidance_scale": 12.5, "compat": ""},
    }


def test_the_solver_is_the_folders_and_draws_no_noise(tmp_path: Path) -> None:
    # As Stable Diffusion 1.5's folder has it.
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    PNDMScheduler(**betas, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False).save_pretrained(tmp_path)
    assert isinstance(load_solver(tmp_path, "folder"), PNDMScheduler)
    ddim = load_solver(tmp_path, "ddim")
    assert isinstance(ddim, DDIMScheduler) and ddim.config.beta_end == 0.012 and ddim.config.steps_offset == 1
    assert not ddim.config.clip_sample, "latents are not confined to [-1, 1]"
    EulerAncestralDiscreteScheduler().save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="EulerAncestral"):
        load_solver(tmp_path, "folder")


def test_contexts_of_another_shape_are_refused(folder: Path, store: Store) -> None:
    made = generator(folder, store)
    for conditions, what in (
        ({"context": CONTEXT[:, :, :5], "negative": NEGATIVE}, "contexts are of shape"),
        ({"context": CONTEXT, "negative": NEGATIVE[:, :2]}, "negative contexts are of shape"),
    ):
        with pytest.raises(DataError, match=what):
            made(Batch(IDS, conditions, N_FRAMES))
