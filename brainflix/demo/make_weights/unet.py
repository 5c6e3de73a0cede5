"""The denoiser of the tiny video generator: diffusers' UNet3DConditionModel in zeroscope's shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, UNet3DConditionModel

from brainflix.demo.grammar import Scene
from brainflix.demo.make_weights.common import (
    Average,
    Log,
    cosine_lr,
    half_where_fast,
    optimise,
    parameter_groups,
    save_half,
    scene_batches,
)
from brainflix.demo.make_weights.conditions import Blur, Teacher
from brainflix.device import seeded_init

BATCH, BANK = 16, 8192
# How often a clip has no prompt, which guidance needs.
DROPPED = 0.1


@dataclass(frozen=True)
class Phase:
    """One round of training, from the weights that the last one left.

    Attributes:
        n_steps, peak_lr: length, and the rate after warm-up.
        n_draws: a time is the mean of so many uniform draws; 2 favours the middle, where shapes and paths are decided.
        blur: how clips and prompts are blurred as a regression would.
    """

    n_steps: int
    peak_lr: float
    n_draws: int
    blur: Blur


# First the whole range of times, then the middle with prompts that are nearer to the truth.
PHASES = (
    Phase(2800, 1.2e-3, 1, Blur(latents=0.5, prompts=0.6, most_other=0.45, most_mean=0.5, noise=0.3, stillness=1.0)),
    Phase(2900, 1.0e-3, 2, Blur(latents=0.6, prompts=0.5, most_other=0.3, most_mean=0.5, noise=0.2, stillness=0.5)),
)


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


def train(folder: Path, n_steps: int | None = None, seed: int = 0) -> None:
    """Train in phases; `n_steps` shortens every phase to as many, to try it out."""
    for number, phase in enumerate(PHASES):
        train_phase(folder, number, replace(phase, n_steps=n_steps or phase.n_steps), seed)


def train_phase(folder: Path, number: int, phase: Phase, seed: int = 0) -> None:
    """Train to predict the noise (epsilon) in whole clips; keep the moving average."""
    teacher, scheduler = Teacher(folder, phase.blur, seed + 100 * number), build_scheduler()
    model = UNet3DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32) if number else build(seed)
    optimizer = torch.optim.AdamW(parameter_groups(model.train(), 0.01), lr=phase.peak_lr, betas=(0.9, 0.98))
    scenes, latents = clip_bank(teacher, seed + 10 * number, BANK)
    log, average = Log(f"unet phase {number + 1}", phase.n_steps), Average(model, 0.998)
    n_times = scheduler.config.num_train_timesteps
    for step in range(phase.n_steps):
        chosen = torch.randint(0, BANK, (BATCH,), generator=teacher.random)
        z, prompts = latents[chosen], teacher.prompts([scenes[i] for i in chosen], DROPPED)
        t = (n_times * torch.rand((phase.n_draws, len(z)), generator=teacher.random).mean(0)).long()
        seen = teacher.latents_as_predicted(z, t)
        noised = scheduler.add_noise(seen, torch.randn(z.shape, generator=teacher.random), t)
        with half_where_fast():
            predicted = model(noised, t, prompts).sample.float()
        loss = noise_loss(predicted, noised, z, scheduler.alphas_cumprod[t])
        optimise(model, loss, optimizer, cosine_lr(step, phase.n_steps, phase.peak_lr))
        average.update(model, step)
        log(step, loss=loss.item())
        if (step + 1) % 500 == 0:
            _save(model, average, scheduler, folder)
    _save(model, average, scheduler, folder)


def noise_loss(predicted: torch.Tensor, noised: torch.Tensor, z: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Squared error against the noise that separates `noised` from the true z, all (batch, 4, frames, 8, 8).

    Where the noise prevails (`kept`, the cumulated alpha of each clip's time, is small) an error of epsilon is a much
    larger one of the picture; the weight is half way between counting the one and the other.
    """
    kept = kept.view(-1, 1, 1, 1, 1)
    noise = (noised - kept.sqrt() * z) / (1 - kept).sqrt()
    weight = ((1 - kept) / kept).sqrt().clamp(max=8.0)
    return (weight * (predicted - noise).square()).mean()


def clip_bank(teacher: Teacher, seed: int, n_clips: int) -> tuple[list[Scene], torch.Tensor]:
    """Encode the training clips once: scenes, and latents of shape (n_clips, 4, frames, 8, 8)."""
    batches = scene_batches(seed + 3, 32)
    groups = [next(batches) for _ in range(n_clips // 32)]
    latents = torch.cat([teacher.latents(group) for group in groups])
    return [scene for group in groups for scene in group], latents


def _forget_origin(config: Path) -> None:
    """Drop the folder that the second phase loaded its start from: a path of one machine."""
    kept = {key: value for key, value in json.loads(config.read_text()).items() if key != "_name_or_path"}
    config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def _save(model: UNet3DConditionModel, average: Average, scheduler: DPMSolverMultistepScheduler, folder: Path) -> None:
    """Write the averaged denoiser, the scheduler and the pipeline's index."""
    raw = {name: p.detach().clone() for name, p in model.named_parameters()}
    average.store_in(model)
    save_half(model, folder / "unet")
    _forget_origin(folder / "unet" / "config.json")
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
