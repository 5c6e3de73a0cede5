"""The tiny inflated denoiser in MinD-Video's shape: clips from pure noise under token states, sharp and blurred ones.

As the published one starts from Stable Diffusion's weights, this one starts from the layers of the tiny zeroscope
denoiser that see single frames; what it knows of time it learns here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet3DConditionModel

from brainflix.demo.make_weights.common import Average, Log, cosine_lr, optimise, parameter_groups, save_half
from brainflix.demo.make_weights.conditions import Blur, Teacher
from brainflix.demo.make_weights.unet import build_scheduler, clip_bank, noise_loss
from brainflix.models.inflated_unet import InflatedUNet, inflate

BATCH, BANK, PEAK_LR, DROPPED = 8, 2048, 1.2e-3, 0.1
# Latents are what is generated, so they stay exact; half of the prompts are as unsure as what is decoded from brains.
BLUR = Blur(latents=0.0, prompts=0.5, most_other=0.35, most_mean=0.5, noise=0.25, stillness=1.0)
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


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train to predict the noise (epsilon) in whole clips at all times; keep the moving average."""
    zeroscope = folder.parent / "zeroscope"
    teacher, scheduler = Teacher(zeroscope, BLUR, seed + 500), build_scheduler()
    model = build(zeroscope, seed).train()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=PEAK_LR, betas=(0.9, 0.98))
    scenes, latents = clip_bank(teacher, seed + 50, BANK)
    log, average = Log("mindvideo", n_steps), Average(model, 0.998)
    for step in range(n_steps):
        chosen = torch.randint(0, BANK, (BATCH,), generator=teacher.random)
        z, prompts = latents[chosen], teacher.prompts([scenes[i] for i in chosen], DROPPED)
        t = torch.randint(0, scheduler.config.num_train_timesteps, (BATCH,), generator=teacher.random)
        noised = scheduler.add_noise(z, torch.randn(z.shape, generator=teacher.random), t)
        loss = noise_loss(model(noised, t, prompts), noised, z, scheduler.alphas_cumprod[t])
        optimise(model, loss, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        average.update(model, step)
        log(step, loss=loss.item())
        if (step + 1) % 400 == 0:
            _save(model, average, folder)
    _save(model, average, folder)
    scheduler.save_pretrained(folder / "scheduler")


def _save(model: InflatedUNet, average: Average, folder: Path) -> None:
    """Write the averaged denoiser; the trained one goes on as it was."""
    raw = {name: p.detach().clone() for name, p in model.named_parameters()}
    average.store_in(model)
    save_half(model, folder / "unet")
    file = folder / "unet" / "config.json"
    settings = {name: value for name, value in json.loads(file.read_text()).items() if value is not None}
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(raw[name])
