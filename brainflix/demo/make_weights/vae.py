"""The autoencoder of the tiny video generator: diffusers' AutoencoderKL, 64 x 64 x 3 to 4 x 8 x 8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional

from brainflix.demo.make_weights.common import (
    SIZE_PX,
    Average,
    Log,
    clips_of,
    cosine_lr,
    half_where_fast,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
    to_signed,
)
from brainflix.demo.render import render
from brainflix.device import seeded_init

BATCH, PEAK_LR, KL_WEIGHT = 32, 2e-3, 1e-3
# Blends in each step, of how many frames each, and how strongly latents are tied to a low-resolution picture.
BLENDS, BLENDED, LAYOUT_WEIGHT = 16, 3, 1.0


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
    """Train on single frames, and on blends of latents that must decode to the same blends of frames.

    A regression from brain activity predicts something near an average of possible latents. It is of use only if an
    average of latents decodes to an average picture, as it nearly does with Stable Diffusion's autoencoder. Hence the
    blends, the pull to a unit Gaussian, and a linear read-out of an 8 x 8 picture from the latents.
    """
    model, batches = build(seed), scene_batches(seed, BATCH)
    with seeded_init(seed + 1):
        layout = nn.Conv2d(4, 3, 1)
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    both = nn.ModuleList([model, layout])
    optimizer = torch.optim.AdamW(parameter_groups(both, 1e-4), lr=PEAK_LR, betas=(0.9, 0.98))
    log, average = Log("vae", n_steps), Average(model, 0.998)
    for step in range(n_steps):
        pixels = to_signed(np.stack([render(scene, rng.uniform(0, 2, 1), SIZE_PX)[0] for scene in next(batches)]))
        shares = _shares(rng, len(pixels))
        with half_where_fast():
            posterior = model.encode(pixels).latent_dist
            z = posterior.sample(generator=noise)
            decoded = model.decode(_with_blends(z, shares)).sample.float()
        wanted = _with_blends(pixels, shares)
        error = (_emphasis(wanted) * (decoded - wanted).abs()).mean()
        edges = _differences(decoded, wanted)
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        linear = functional.mse_loss(layout(z.float()), functional.avg_pool2d(pixels, 8))
        loss = error + 0.5 * edges + KL_WEIGHT * kl + LAYOUT_WEIGHT * linear
        optimise(both, loss, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        average.update(model, step)
        log(step, l1=error.item(), edges=edges.item(), kl=kl.item(), layout=linear.item())
    average.store_in(model)
    model.register_to_config(scaling_factor=_scaling_factor(model))
    save_half(model, folder)


def _shares(rng: np.random.Generator, n: int) -> torch.Tensor:
    """Draw the blends of one batch: rows (BLENDS, n) of shares that sum to 1, `BLENDED` of them above zero."""
    shares = np.zeros((BLENDS, n), dtype=np.float32)
    for row in shares:
        row[rng.choice(n, BLENDED, replace=False)] = rng.dirichlet(np.ones(BLENDED))
    return torch.from_numpy(shares)


def _with_blends(x: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Append the blends of x (n, channels, H, W) to it: (n + BLENDS, channels, H, W)."""
    return torch.cat([x, torch.einsum("bn,nchw->bchw", shares.to(x), x)])


def _emphasis(pixels: torch.Tensor) -> torch.Tensor:
    """Weight pixels (n, 3, H, W), mean 1: saturated ones (objects) and those that stand out count more."""
    saturation = (pixels.amax(1, keepdim=True) - pixels.amin(1, keepdim=True)) / 2
    surround = functional.avg_pool2d(pixels, 9, stride=1, padding=4, count_include_pad=False)
    contrast = (pixels - surround).abs().mean(1, keepdim=True)
    weight = 1 + 15 * functional.relu(saturation - 0.3) + 10 * contrast
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
