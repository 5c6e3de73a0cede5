"""The denoiser of the tiny video generator: diffusers' UNet3DConditionModel in zeroscope's shape."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet3DConditionModel
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from brainflix.demo.grammar import Scene
from brainflix.demo.make_weights.common import (
    N_FRAMES,
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
from brainflix.device import seeded_init

BATCH, PEAK_LR, BANK = 16, 1.2e-3, 8192
# Predicted prompts are mixtures of captions and lie nearer to the mean than true ones: train on such prompts too.
MIXED, MOST_MIX, DROPPED = 0.5, 0.4, 0.1


def build(seed: int = 0) -> UNet3DConditionModel:
    """Return the untrained denoiser, 2.5 million parameters."""
    with seeded_init(seed):
        return UNet3DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
            block_out_channels=(48, 80),
            layers_per_block=1,
            norm_num_groups=8,
            cross_attention_dim=64,
            attention_head_dim=16,
        )


def build_scheduler() -> DPMSolverMultistepScheduler:
    """Return zeroscope's noise schedule with the solver that Brain Netflix samples with."""
    return DPMSolverMultistepScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


class _Teacher:
    """Turns scenes into what the denoiser trains on: latents, and prompt states that are sometimes mixed or dropped."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder", torch_dtype=torch.float32).eval()
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.random = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def latents(self, scenes: list[Scene]) -> torch.Tensor:
        """Return scaled latents of shape (batch, 4, frames, 8, 8)."""
        with torch.autocast("cpu", torch.bfloat16):
            pixels = to_signed(clips_of(scenes)).flatten(0, 1)
            z = self.vae.encode(pixels).latent_dist.mode().float() * self.vae.config.scaling_factor
        return z.unflatten(0, (len(scenes), N_FRAMES)).transpose(1, 2)

    @torch.no_grad()
    def prompts(self, captions: list[str]) -> torch.Tensor:
        """Return the text tower's token states of shape (batch, tokens, width)."""
        tokens = self.tokenizer(captions, padding="max_length", return_tensors="pt")
        return self.text(**tokens).last_hidden_state

    def training_prompts(self, scenes: list[Scene]) -> torch.Tensor:
        """Return prompts as sampling will see them: exact, mixed with another caption and noisy, or empty."""
        exact = self.prompts([scene.caption() for scene in scenes])
        n = len(scenes)
        weight = MOST_MIX * torch.rand((n, 1, 1), generator=self.random)
        other = exact[torch.randperm(n, generator=self.random)]
        noisy = torch.randn(exact.shape, generator=self.random) * exact.std(dim=0, keepdim=True) * 0.3
        mixed = torch.where(self._chance(n, MIXED), (1 - weight) * exact + weight * other + noisy, exact)
        return torch.where(self._chance(n, DROPPED), self.prompts([""]), mixed)

    def _chance(self, n: int, probability: float) -> torch.Tensor:
        return torch.rand((n, 1, 1), generator=self.random) < probability


def train(folder: Path, n_steps: int, seed: int = 0) -> None:
    """Train to predict the noise (epsilon) in whole clips at uniform times; keep the moving average."""
    teacher, model, scheduler = _Teacher(folder, seed), build(seed), build_scheduler()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=PEAK_LR, betas=(0.9, 0.98))
    scenes, latents = _bank(teacher, seed)
    log, average = Log("unet", n_steps), Average(model, 0.998)
    for step in range(n_steps):
        chosen = torch.randint(0, BANK, (BATCH,), generator=teacher.random)
        z, prompts = latents[chosen], teacher.training_prompts([scenes[i] for i in chosen])
        noise = torch.randn(z.shape, generator=teacher.random)
        t = torch.randint(0, scheduler.config.num_train_timesteps, (len(z),), generator=teacher.random)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = model(scheduler.add_noise(z, noise, t), t, prompts).sample
        loss = functional.mse_loss(predicted.float(), noise)
        optimise(model, loss, optimizer, cosine_lr(step, n_steps, PEAK_LR))
        average.update(model, step)
        log(step, mse=loss.item())
        if (step + 1) % 1000 == 0:
            _save(model, average, scheduler, folder)
    _save(model, average, scheduler, folder)


def _bank(teacher: _Teacher, seed: int) -> tuple[list[Scene], torch.Tensor]:
    """Encode the training clips once: scenes, and latents of shape (BANK, 4, frames, 8, 8)."""
    batches = scene_batches(seed + 3, 32)
    groups = [next(batches) for _ in range(BANK // 32)]
    latents = torch.cat([teacher.latents(group) for group in groups])
    return [scene for group in groups for scene in group], latents


def _save(model: UNet3DConditionModel, average: Average, scheduler: DPMSolverMultistepScheduler, folder: Path) -> None:
    """Write the averaged denoiser, the scheduler and the pipeline's index."""
    raw = {name: p.detach().clone() for name, p in model.named_parameters()}
    average.store_in(model)
    save_half(model, folder / "unet")
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(raw[name])
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "TextToVideoSDPipeline",
        "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet3DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
