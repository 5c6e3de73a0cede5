"""What Brain Netflix's generator must keep to: strengths, axes, sizes, seeds, containers, parameter counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from brainflix.demo.make_weights.unet import build as build_unet
from brainflix.demo.make_weights.unet import build_scheduler
from brainflix.demo.make_weights.vae import build as build_vae
from brainflix.device import pick_compute, seeded_init
from brainflix.errors import DataError, UsageError
from brainflix.io.video import encode
from brainflix.io.weights import SHIPPED
from brainflix.parts.work import Tools
from brainflix.pretrained.vae import decode_latents
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.seeds import clip_noise
from brainflix.reconstruct.zeroscope_denoise import Backend, generate, kept_timesteps, load_backend
from brainflix.store.store import Store

IDS = ("a_001", "a_002")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """A twin with Stable Diffusion's factor: each latent becomes 8 x 8 pixels."""
    folder = tmp_path_factory.mktemp("pipeline")
    build_scheduler().save_pretrained(folder / "scheduler")
    compute = pick_compute("cpu", "float32")
    return Backend(build_unet().eval(), build_vae().eval(), folder / "scheduler", torch.zeros(12, 64), compute, "sdpa")


def params(**changes: object) -> ZeroscopeParams:
    return ZeroscopeParams(weights="demo/zeroscope", **{"steps": 2, "strength": 0.5} | changes)  # type: ignore[arg-type]


def latents(n_frames: int, height: int = 8, width: int = 8, n: int = 2) -> np.ndarray:
    shape = (n, n_frames, 4, height, width)
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def prompts(n: int = 2) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((n, 12, 64)).astype(np.float32)


def run(backend: Backend, z: np.ndarray | None, n_frames: int, **changes: object) -> np.ndarray:
    n = 2 if z is None else len(z)
    return generate(backend, z, prompts(n), IDS[:n], n_frames=n_frames, seed=0, params=params(**changes))


def test_latents_of_33_become_15_frames_of_264_whatever_the_network_was_made_for(backend: Backend) -> None:
    # The VAE makes 264 pixels of 33; the network's own size is 8.
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    with seeded_init(0):
        vae = AutoencoderKL(block_out_channels=(4, 4, 4, 4), norm_num_groups=2, **blocks)
    backend = replace(backend, vae=vae.eval())
    frames = run(backend, latents(15, 33, 33, n=1), 15, steps=1, strength=1.0, guidance_scale=1.0)
    assert frames.shape == (1, 15, 264, 264, 3) and frames.dtype == np.uint8


def test_both_axis_orders_give_the_same_video(backend: Backend) -> None:
    z = latents(5)
    stored = run(backend, z, 5)
    assert np.array_equal(run(backend, np.ascontiguousarray(z.transpose(0, 2, 1, 3, 4)), 5), stored)
    for wrong in ((0, 1, 3, 4, 2), (0, 3, 4, 2, 1)):
        with pytest.raises(DataError, match="frame, channel"):
            run(backend, z.transpose(wrong), 5)


def test_as_many_frames_as_channels_are_in_the_stored_order(backend: Backend) -> None:
    z = latents(4)
    decoded = decode_latents(backend.vae, torch.from_numpy(z))
    assert np.array_equal(run(backend, z, 4, strength=0.0), decoded)
    swapped = run(backend, z.transpose(0, 2, 1, 3, 4), 4, strength=0.0)
    assert not np.array_equal(swapped, decoded)


@pytest.mark.parametrize("strength", [0.0, 0.01])
def test_no_kept_step_only_decodes(backend: Backend, strength: float) -> None:
    z = latents(5)
    assert len(kept_timesteps(build_scheduler(), 20, strength)) == 0
    made = run(backend, z, 5, steps=20, strength=strength, latent_factor=0.5)
    assert np.array_equal(made, decode_latents(backend.vae, torch.from_numpy(z * 0.5)))


def test_full_strength_hardly_hears_the_latents(backend: Backend) -> None:
    # At the last timestep sqrt(abar) is below 0.07, so a latent ten times as large is hardly seen.
    one, other = latents(5), -latents(5)
    moved = [
        float(np.abs(run(backend, one, 5, strength=s) - run(backend, other, 5, strength=s).astype(float)).mean())
        for s in (0.0, 1.0)
    ]
    assert moved[1] < 0.15 * moved[0]
    assert float(build_scheduler().alphas_cumprod[999] ** 0.5) < 0.07


@pytest.mark.parametrize(("steps", "strength", "last"), [(20, 0.8, 50), (50, 0.3, 20)])
def test_kept_timesteps_are_evenly_spaced_to_the_last(steps: int, strength: float, last: int) -> None:
    kept = kept_timesteps(build_scheduler(), steps, strength).tolist()
    gaps = -np.diff(kept)
    assert kept[-1] == last and gaps.min() >= 999 // steps and gaps.max() <= 999 // steps + 1


def test_pure_noise_has_the_size_that_is_asked_for(backend: Backend) -> None:
    assert run(backend, None, 3).shape == (2, 3, 64, 64, 3)
    assert run(backend, None, 3, size_px=(40, 72)).shape == (2, 3, 40, 72, 3)
    with pytest.raises(UsageError, match="multiples of 8"):
        run(backend, None, 3, size_px=(41, 72))


def test_prompts_of_another_text_tower_are_refused(backend: Backend) -> None:
    with pytest.raises(DataError, match=r"prompts are \(12, 32\), the generator reads .* \(12, 64\)"):
        generate(backend, latents(3), prompts()[:, :, :32], IDS, n_frames=3, seed=0, params=params())


def test_the_loop_computes_what_a_plain_one_does(backend: Backend) -> None:
    # What is joined once before the loop must be what each step needs: compared with two calls a step.
    z, text = latents(3, n=1), torch.from_numpy(prompts(1))
    scheduler = build_scheduler()
    times = kept_timesteps(scheduler, 4, 0.75)
    x = scheduler.add_noise(torch.from_numpy(z), clip_noise(0, IDS[:1], z.shape[1:]), times[:1]).transpose(1, 2)
    with torch.no_grad():
        for t in times:
            without, with_prompt = (backend.unet(x, t, each).sample for each in (torch.zeros(1, 12, 64), text))
            x = scheduler.step(without + 15 * (with_prompt - without), t, x).prev_sample
    wanted = decode_latents(backend.vae, x.transpose(1, 2)).astype(int)
    made = generate(backend, z, text.numpy(), IDS[:1], n_frames=3, seed=0, params=params(steps=4, strength=0.75))
    assert np.abs(made - wanted).max() <= 1


def test_switches_that_save_memory_are_noted_and_change_nothing(tmp_path: Path) -> None:
    folder, compute = SHIPPED / "zeroscope", pick_compute("cpu", "float32")
    plain = Tools(Store(tmp_path), lambda: compute)
    frugal = Tools(Store(tmp_path), lambda: compute, vae_slicing=True, vae_tiling=True, offload="sequential")
    one, other = (load_backend(folder, params(), compute, tools) for tools in (plain, frugal))
    assert one.memory == {} and other.vae.use_slicing and other.vae.use_tiling
    assert other.memory["vae_slicing"] is True and "no accelerator" in str(other.memory["offload"])
    made = [run(each, latents(3), 3).astype(int) for each in (one, other)]
    assert np.abs(made[0] - made[1]).max() <= 1


@pytest.mark.parametrize(("n_frames", "fps_hz"), [(15, 5.0), (16, 16 / 3), (3, 1.5), (1, 0.5), (6, 3.0)])
def test_a_container_lasts_as_long_as_its_frames(tmp_path: Path, n_frames: int, fps_hz: float) -> None:
    path = tmp_path / "clip.mp4"
    encode(np.zeros((n_frames, 264, 264, 3), np.uint8), fps_hz, path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(n_frames / fps_hz, abs=2e-3)
        assert sum(1 for _ in container.decode(stream)) == n_frames


def test_public_networks_have_the_published_numbers_of_parameters() -> None:
    # zeroscope: denoiser, autoencoder and text tower.
    tower = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=23,
        num_attention_heads=16,
        max_position_embeddings=77,
        hidden_act="gelu",
    )
    with torch.device("meta"):
        networks = {
            1_411_233_860: UNet3DConditionModel(),
            83_653_863: AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
            ),
            340_387_840: CLIPTextModel(tower),
        }
    for n_parameters, network in networks.items():
        assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters
