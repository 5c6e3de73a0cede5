"""The diffusion backend on a randomly initialised twin of its real classes, and the facts of the method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brainflix.demo.make_weights.clip import build as build_clip
from brainflix.demo.make_weights.tokens import build_tokenizer
from brainflix.demo.make_weights.unet import build as build_unet
from brainflix.demo.make_weights.unet import build_scheduler
from brainflix.demo.make_weights.vae import build as build_vae
from brainflix.device import pick_compute
from brainflix.errors import DataError
from brainflix.pretrained.vae import decode_latents
from brainflix.reconstruct import zeroscope_denoise
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.seeds import clip_noise, clip_seed
from brainflix.reconstruct.zeroscope_denoise import Backend, generate, kept_timesteps

N_FRAMES = 4
IDS = ("a_001", "a_002", "a_003")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    folder = tmp_path_factory.mktemp("pipeline")
    build_scheduler().save_pretrained(folder / "scheduler")
    compute = pick_compute("cpu", "float32")
    return Backend(build_unet().eval(), build_vae().eval(), folder / "scheduler", torch.zeros(12, 64), compute, "sdpa")


def params(**changes: object) -> ZeroscopeParams:
    return ZeroscopeParams(weights="demo/zeroscope", steps=5, **changes)  # type: ignore[arg-type]


def conditions(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((3, N_FRAMES, 4, 8, 8)).astype(np.float32)
    return latents, rng.standard_normal((3, 12, 64)).astype(np.float32)


def run(backend: Backend, index: list[int], **changes: object) -> np.ndarray:
    latents, prompts = conditions()
    ids = [IDS[i] for i in index]
    return generate(backend, latents[index], prompts[index], ids, n_frames=N_FRAMES, seed=7, params=params(**changes))


def test_shape_and_determinism(backend: Backend) -> None:
    frames = run(backend, [0, 1, 2], strength=0.8)
    assert frames.shape == (3, N_FRAMES, 64, 64, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames, run(backend, [0, 1, 2], strength=0.8))


def test_clips_do_not_depend_on_batch_or_order(backend: Backend) -> None:
    together = run(backend, [0, 1, 2]).astype(int)
    for position, index in enumerate([2, 0]):
        alone = run(backend, [2, 0])[position].astype(int)
        assert np.abs(alone - together[index]).max() <= 1


def test_strength_zero_only_decodes(backend: Backend) -> None:
    latents, _ = conditions()
    assert np.array_equal(run(backend, [0, 1, 2], strength=0.0), decode_latents(backend.vae, torch.from_numpy(latents)))


def test_antithetic_decodes_the_mean_over_a_noise_and_its_negative(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeroscope_denoise, "decode_latents", lambda vae, latents: latents)
    pair, one = run(backend, [0, 1, 2], antithetic=True), run(backend, [0, 1, 2])
    monkeypatch.setattr(zeroscope_denoise, "clip_noise", lambda *how: -clip_noise(*how))
    other = run(backend, [0, 1, 2])
    np.testing.assert_allclose(pair, (one + other) / 2, atol=1e-5)
    assert np.abs(one - other).max() > 0.1
    # The sign of the noise is nothing that a clip could depend on.
    np.testing.assert_allclose(run(backend, [0, 1, 2], antithetic=True), pair, atol=1e-5)


def test_wrong_axis_order_is_refused(backend: Backend) -> None:
    latents, prompts = conditions()
    wrong = latents.transpose(0, 2, 1, 3, 4)[:, :, :3]
    with pytest.raises(DataError, match="frame, channel"):
        generate(backend, wrong, prompts, IDS, n_frames=N_FRAMES, seed=0, params=params())


def test_guidance_of_one_equals_the_conditional_branch(backend: Backend) -> None:
    with_negative = run(backend, [0], guidance_scale=1.0)
    other = Backend(backend.unet, backend.vae, backend.scheduler_folder, torch.ones(12, 64), backend.compute, "sdpa")
    assert np.array_equal(with_negative, run(other, [0], guidance_scale=1.0))
    assert not np.array_equal(run(backend, [0], guidance_scale=5.0), run(other, [0], guidance_scale=5.0))


@pytest.mark.parametrize(
    ("steps", "strength", "kept", "first", "root"), [(20, 0.8, 16, 799, 0.19286), (50, 0.3, 15, 300, 0.76844)]
)
def test_timesteps_are_the_papers(steps: int, strength: float, kept: int, first: int, root: float) -> None:
    # Of 20 steps at strength 0.8, and of 50 at 0.3.
    scheduler = build_scheduler()
    timesteps = kept_timesteps(scheduler, steps, strength)
    assert int(timesteps[0]) == first
    assert len(timesteps) == kept
    assert float(scheduler.alphas_cumprod[first] ** 0.5) == pytest.approx(root, abs=1e-4)


def test_seeds_depend_on_run_and_clip_alone() -> None:
    assert clip_seed(1, "a") == clip_seed(1, "a") != clip_seed(2, "a")
    noise = clip_noise(0, IDS, (2, 3))
    assert torch.equal(noise[[2]], clip_noise(0, IDS[2:], (2, 3)))
    assert abs(float(clip_noise(0, [f"c{i}" for i in range(400)], (50,)).std()) - 1) < 0.02


def test_tokenizer_and_text_tower_agree_on_their_sizes(tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    config = build_clip(tokenizer).config
    assert config.text_config.vocab_size == len(tokenizer)
    ids = tokenizer("a magenta triangle moving right over a desert")["input_ids"]
    assert len(ids) == 10, "each word is one token"
