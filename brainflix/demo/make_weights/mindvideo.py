"""The tiny inflated denoiser in MinD-Video's shape: clips from pure noise under token states, sharp and blurred ones.

As the published one starts from Stable Diffusion's weights, this one starts from the layers of the tiny zeroscope
denoiser that see single frames; what it knows of time it learns here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet3DConditionModel

from brainflix.demo.make_weights.common import Average, Log, cosine_lr, optimise, parameter_groups, save_half
from brainflix.demo.make_weights.conditions import Blur, Teacher
from brainflix.demo.make_weights.unet import Phase, build_scheduler, clip_bank, noise_loss
from brainflix.io.unet_files import read_denoiser
from brainflix.models.inflated_unet import InflatedUNet, inflate

BANK, DROPPED = 2048, 0.1


@dataclass(frozen=True)
class Round(Phase):
    """One round of training as the zeroscope denoiser's, with a batch of its own."""

    batch: int


# Latents are what is generated, so they stay exact; half of the prompts are as unsure as what is decoded from brains.
# First the whole range of times, then the middle, where shapes and paths are decided, with surer prompts.
ROUNDS = (
    Round(1300, 1.2e-3, 1, Blur(0.0, prompts=0.5, most_other=0.35, most_mean=0.5, noise=0.25, stillness=1.0), 8),
    Round(1200, 1.0e-3, 2, Blur(0.0, prompts=0.5, most_other=0.3, most_mean=0.5, noise=0.2, stillness=1.0), 12),
)
# Layers of the zeroscope denoiser that look along time; the inflated one has others in their place.
ALONG_TIME = ("temp_convs.", "temp_attentions.", "transformer_in.")


def config() -> dict[str, Any]:
    """Return the network's settings, 1.5 million parameters; `attention_head_dim` counts heads, as in SD 1.5's."""
    return {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "block_out_channels": (48, 80),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "cross_attention_dim": 64,
        "attention_head_dim": (3, 5),
        "use_linear_projection": True,
    }


def build(zeroscope: Path, seed: int = 0) -> InflatedUNet:
    """Return the inflated denoiser with the zeroscope denoiser's layers for single frames."""
    start = UNet3DConditionModel.from_pretrained(zeroscope / "unet", torch_dtype=torch.float32)
    kept = {name: tensor for name, tensor in start.state_dict().items() if not any(part in name for part in ALONG_TIME)}
    return inflate(config(), kept, seed)


def train(folder: Path, n_steps: int | None = None, seed: int = 0) -> None:
    """Train in rounds; `n_steps` shortens every round to as many, to try it out."""
    for number, each in enumerate(ROUNDS):
        train_round(folder, number, replace(each, n_steps=n_steps or each.n_steps), seed)


def train_round(folder: Path, number: int, how: Round, seed: int = 0) -> None:
    """Train to predict the noise (epsilon) in whole clips; keep the moving average."""
    zeroscope = folder.parent / "zeroscope"
    teacher, scheduler = Teacher(zeroscope, how.blur, seed + 500 + number), build_scheduler()
    model = (_trained(folder) if number else build(zeroscope, seed)).train()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=how.peak_lr, betas=(0.9, 0.98))
    scenes, latents = clip_bank(teacher, seed + 50 + number, BANK)
    log, average = Log(f"mindvideo round {number + 1}", how.n_steps), Average(model, 0.998)
    n_times = scheduler.config.num_train_timesteps
    for step in range(how.n_steps):
        chosen = torch.randint(0, len(scenes), (how.batch,), generator=teacher.random)
        z, prompts = latents[chosen], teacher.prompts([scenes[i] for i in chosen], DROPPED)
        t = (n_times * torch.rand((how.n_draws, how.batch), generator=teacher.random).mean(0)).long()
        noised = scheduler.add_noise(z, torch.randn(z.shape, generator=teacher.random), t)
        loss = noise_loss(model(noised, t, prompts), noised, z, scheduler.alphas_cumprod[t])
        optimise(model, loss, optimizer, cosine_lr(step, how.n_steps, how.peak_lr))
        average.update(model, step)
        log(step, loss=loss.item())
    average.store_in(model)
    _save(model, folder)
    scheduler.save_pretrained(folder / "scheduler")


def _trained(folder: Path) -> InflatedUNet:
    """Return the denoiser that the round before left."""
    settings, state = read_denoiser(folder / "unet")
    return inflate(settings, {name: tensor.float() for name, tensor in state.items()}, 0)


def _save(model: InflatedUNet, folder: Path) -> None:
    """Write the denoiser in half precision, settings that are not set left out."""
    save_half(model, folder / "unet")
    file = folder / "unet" / "config.json"
    settings = {name: value for name, value in json.loads(file.read_text()).items() if value is not None}
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
