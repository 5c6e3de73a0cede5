"""UNet3DConditionModel and AutoencoderKL: latents or pure noise to frames (docs/methods/brain-netflix.md, Generator).

The loop is ours because diffusers' pipeline class for it is deprecated and its latent axes changed in release 0.28:
latents are (clip, frame, channel, height, width) everywhere outside this file. The other order that releases have used
is recognised by its lengths (`axes`), and anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet3DConditionModel

from brainflix.device import Compute
from brainflix.errors import DataError, UsageError
from brainflix.parts.work import Tools
from brainflix.pretrained.text import encode_captions
from brainflix.pretrained.vae import decode_latents
from brainflix.progress import Track, untracked
from brainflix.reconstruct.axes import frames_first
from brainflix.reconstruct.kernels import choose_for
from brainflix.reconstruct.memory import place_networks, switch_vae
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.seeds import clip_noise


@dataclass(frozen=True)
class Backend:
    """The loaded networks.

    Attributes:
        unet, vae: the networks.
        scheduler_folder: where the noise schedule is.
        negative: token states of the negative prompt, (n_tokens, width).
        compute: device and dtype.
        kernel: attention kernel in use, with the reason.
        memory: what to note of switches that save memory.
    """

    unet: UNet3DConditionModel
    vae: AutoencoderKL
    scheduler_folder: Path
    negative: torch.Tensor
    compute: Compute
    kernel: str
    memory: Mapping[str, object] = field(default_factory=dict)

    @property
    def n_channels(self) -> int:
        """Channels of the latents."""
        return int(self.unet.config.in_channels)

    def noise_size(self, size_px: tuple[int, int] | None) -> tuple[int, int]:
        """Return the height and width of latents that are drawn: those of `size_px`, or else what the network says.

        Raises:
            UsageError: a side is no multiple of the autoencoder's factor.
        """
        if size_px is None:
            size = self.unet.config.sample_size
            return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        if any(side % factor for side in size_px):
            raise UsageError(f"size_px {list(size_px)} does not fit", why=f"sides are multiples of {factor}")
        return size_px[0] // factor, size_px[1] // factor


def load_backend(folder: Path, params: ZeroscopeParams, compute: Compute, tools: Tools) -> Backend:
    """Load a pipeline folder in the Hub's layout: unet, vae, text_encoder, tokenizer, scheduler."""
    unet = UNet3DConditionModel.from_pretrained(folder / "unet", torch_dtype=compute.dtype).eval()
    kernel = choose_for(unet, tools.attention, compute.device)
    negative = encode_prompt(folder, params.negative_prompt, compute)
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=compute.dtype).eval()
    memory = switch_vae(vae, tools) | place_networks([unet, vae], compute, tools)
    return Backend(unet, vae, folder / "scheduler", negative, compute, f"{kernel.name}: {kernel.reason}", memory)


def encode_prompt(folder: Path, prompt: str, compute: Compute) -> torch.Tensor:
    """Return one prompt's token states (n_tokens, width) from the pipeline's own text tower."""
    states = encode_captions([prompt], folder / "text_encoder", folder / "tokenizer", compute)
    return torch.from_numpy(states[0])


def kept_timesteps(scheduler: DPMSolverMultistepScheduler, steps: int, strength: float) -> torch.Tensor:
    """Return the last int(steps * strength) timesteps of the schedule, (n_kept,), and point the solver at the first."""
    scheduler.set_timesteps(steps)
    start = steps - min(int(steps * strength), steps)
    scheduler.set_begin_index(start)
    return scheduler.timesteps[start:]


@torch.inference_mode()
def generate(
    backend: Backend,
    latents: np.ndarray | None,
    prompts: np.ndarray,
    clip_ids: Sequence[str],
    *,
    n_frames: int,
    seed: int,
    params: ZeroscopeParams,
    track: Track = untracked,
) -> np.ndarray:
    """Re-noise latents to the first kept timestep and denoise them under the prompts.

    With `params.antithetic` that is done twice, with the noise and with its negative, and the mean of the two results
    is decoded: what a clip's noise does to first order cancels (Hammersley and Morton 1956).

    Args:
        backend: the loaded generator.
        latents: scaled latents of shape (n_clips, n_frames, channels, height, width), whose size the frames get; the
            order (n_clips, channels, n_frames, height, width) too. None starts from pure noise of `params.size_px`.
        prompts: token states of shape (n_clips, n_tokens, width).
        clip_ids: ids of the clips; with `seed` they decide the noise.
        n_frames: frames of a clip.
        seed: the run's seed.
        params: the recipe's parameters.
        track: counts steps.

    Returns:
        uint8 frames of shape (n_clips, n_frames, H, W, 3).

    Raises:
        DataError: latents of another shape or axis order, or prompts of another shape than the text tower's.
    """
    # Read once: pointing it at its first timestep again (`kept_timesteps`) clears what it remembers of the last run.
    scheduler = DPMSolverMultistepScheduler.from_pretrained(backend.scheduler_folder)
    strength = 1.0 if latents is None else params.strength
    timesteps = kept_timesteps(scheduler, params.steps, strength)
    if latents is None:
        starts = [clip_noise(seed, clip_ids, (n_frames, backend.n_channels, *backend.noise_size(params.size_px)))]
    else:
        clean = _scaled(frames_first(latents, n_frames, backend.n_channels), params.latent_factor)
        noise = clip_noise(seed, clip_ids, clean.shape[1:])
        starts = [clean]  # decoded as they are where no step is kept, at strength 0
        if len(timesteps):
            first = timesteps[:1].expand(len(clean))  # (n_clips,)
            noises = [noise, -noise] if params.antithetic else [noise]
            starts = [scheduler.add_noise(clean, each, first) for each in noises]
    condition = _condition(backend, prompts, params.guidance_scale) if len(timesteps) else None
    ends = []
    for start in starts:
        x = start.transpose(1, 2).to(backend.compute.device)  # (n, channels, frames, h, w)
        for t in track(kept_timesteps(scheduler, params.steps, strength), "steps"):
            x = scheduler.step(_predict_noise(backend, x, t, condition, params.guidance_scale), t, x).prev_sample
        ends.append(x.transpose(1, 2))  # (n, frames, channels, h, w)
    return decode_latents(backend.vae, torch.stack(ends).mean(dim=0))


def _scaled(latents: np.ndarray, factor: float) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(latents, np.float32)) * factor


def _condition(backend: Backend, prompts: np.ndarray, guidance: float) -> torch.Tensor:
    """Return what every step attends to, on the device: the prompts, and before them the negative one under guidance.

    Raises:
        DataError: the prompts are not of the negative prompt's shape.
    """
    if prompts.shape[1:] != tuple(backend.negative.shape):
        raise DataError(
            f"prompts are {prompts.shape[1:]}, the generator reads (tokens, width) = {tuple(backend.negative.shape)}",
            next="predict the targets of a captions step with the same weights",
        )
    condition = torch.from_numpy(prompts).to(backend.compute.device)
    if guidance > 1:
        condition = torch.cat([backend.negative.to(condition).expand_as(condition), condition])
    return condition.to(backend.compute.dtype)


def _predict_noise(
    backend: Backend, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor | None, guidance: float
) -> torch.Tensor:
    """Predict the noise in x (n, channels, frames, h, w), with classifier-free guidance if `guidance` exceeds 1."""
    x = x.to(backend.compute.dtype)
    if guidance <= 1:
        return backend.unet(x, t, condition).sample.float()
    without, with_prompt = backend.unet(torch.cat([x, x]), t, condition).sample.float().chunk(2)
    return without + guidance * (with_prompt - without)
