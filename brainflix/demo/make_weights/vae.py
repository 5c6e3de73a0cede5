"""The autoencoder of the tiny video generator: diffusers' AutoencoderKL, 64 x 64 x 3 to 4 x 8 x 8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from brainflix.demo.make_weights.common import (
    SIZE_PX,
    Average,
    Log,
    clips_of,
    cosine_lr,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
    to_signed,
)
from brainflix.demo.render import render
from brainflix.device import seeded_init

BATCH, PEAK_LR, KL_WEIGHT = 32, 2e-3, 1e-5


def build(seed: int = 0) -> AutoencoderKL:
    """Return the untrained autoencoder, about a million parameters."""
    with seeded_init(seed):
        return AutoencoderKL(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            sample_size=SIZE_PX,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(16, 32, 64, 64),
            layers_per_block=1,
            norm_num_groups=8,
        )


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train on single frames: L1 of pixels (objects weigh more) and of edges, and a light pull to a unit Gaussian."""
    model, batches = build(seed), scene_batches(seed, BATCH)
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(parameter_groups(model, 1e-4), lr=PEAK_LR, betas=(0.9, 0.98))
    log, average = Log("vae", n_steps), Average(model, 0.998)
    for step in range(n_steps):
        frames = [render(scene, rng.uniform(0, 2, 1), SIZE_PX)[0] for scene in next(batches)]
        pixels = to_signed(np.stack(frames))
        with torch.autocast("cpu", torch.bfloat16):
            posterior = model.encode(pixels).latent_dist
            decoded = model.decode(posterior.sample(generator=noise)).sample.float()
        weight = _emphasis(pixels)
        error = (weight * (decoded - pixels).abs()).mean()
        edges = _differences(decoded, pixels)
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        optimise(model, error + 0.5 * edges + KL_WEIGHT * kl, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        average.update(model, step)
        log(step, l1=error.item(), edges=edges.item(), kl=kl.item())
    average.store_in(model)
    model.register_to_config(scaling_factor=_scaling_factor(model))
    save_half(model, folder)


def _emphasis(pixels: torch.Tensor) -> torch.Tensor:
    """Weight pixels (n, 3, H, W) by their saturation, mean 1: objects are small but are what the scenes are about."""
    saturation = (pixels.amax(1, keepdim=True) - pixels.amin(1, keepdim=True)) / 2
    weight = 1 + 15 * functional.relu(saturation - 0.3)
    return weight / weight.mean()


def _differences(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """L1 between horizontal and vertical pixel differences: keeps edges crisp."""
    across = functional.l1_loss(a.diff(dim=-1), b.diff(dim=-1))
    return across + functional.l1_loss(a.diff(dim=-2), b.diff(dim=-2))


@torch.inference_mode()
def _scaling_factor(model: AutoencoderKL) -> float:
    """One over the latents' standard deviation, so that the diffusion model sees unit variance (as 0.18215 in SD)."""
    clips = clips_of(next(scene_batches(987, 64)))
    latents = model.encode(to_signed(clips[:, 0])).latent_dist.mode()
    return round(1.0 / float(latents.std()), 5)
