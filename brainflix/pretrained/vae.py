"""A diffusers autoencoder: frames to scaled latents and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from diffusers import AutoencoderKL

from brainflix.device import Compute
from brainflix.seeds import clip_noise

# Frames that go through at once: more need many gigabytes at the public models' size, and are slower on processors,
# whose caches they do not fit.
FRAMES_AT_ONCE = 16


def load_vae(folder: Path, compute: Compute) -> AutoencoderKL:
    """Load an autoencoder in the compute dtype, ready for inference."""
    return AutoencoderKL.from_pretrained(folder, torch_dtype=compute.dtype).to(compute.device).eval()


@torch.inference_mode()
def encode_latents(
    vae: AutoencoderKL, frames: np.ndarray, compute: Compute, clip_ids: Sequence[str] = (), seed: int | None = None
) -> np.ndarray:
    """Encode uint8 clips (n_clips, n_frames, H, W, 3) to scaled latents (n_clips, n_frames, c, h, w), float32.

    Args:
        vae: the autoencoder.
        frames: the clips.
        compute: device and dtype.
        clip_ids: the clips' ids, for their noise.
        seed: the run's seed, to sample the posterior; None takes its mode.
    """
    pixels = torch.from_numpy(frames).to(compute.device).movedim(-1, -3).flatten(0, 1)  # (n_clips * n_frames, 3, H, W)
    posteriors = [vae.encode(_signed(part, compute)).latent_dist for part in torch.split(pixels, FRAMES_AT_ONCE)]
    latents = torch.cat([posterior.mode() for posterior in posteriors]).float()
    if seed is not None:
        # (n_clips * n_frames, c, h, w)
        noise = clip_noise(seed, clip_ids, (frames.shape[1], *latents.shape[1:])).flatten(0, 1)
        std = torch.cat([posterior.std for posterior in posteriors]).float()
        latents = latents + std * noise.to(compute.device)
    scaled: np.ndarray = (latents * vae.config.scaling_factor).cpu().numpy()
    return scaled.reshape(*frames.shape[:2], *scaled.shape[1:])  # (n_clips, n_frames, c, h, w)


def _signed(pixels: torch.Tensor, compute: Compute) -> torch.Tensor:
    return pixels.to(compute.dtype) / 127.5 - 1.0


@torch.inference_mode()
def decode_latents(
    vae: AutoencoderKL, latents: torch.Tensor, whole: Literal["nearest", "down"] = "nearest"
) -> np.ndarray:
    """Decode scaled latents to uint8 frames (n_clips, n_frames, H, W, 3).

    Args:
        vae: the autoencoder.
        latents: of shape (n_clips, n_frames, c, h, w).
        whole: how values become whole numbers: to the nearest one, or to the one below, which darkens by half a level.
    """
    flat = latents.flatten(0, 1).to(vae.dtype) / vae.config.scaling_factor  # (n_clips * n_frames, c, h, w)
    decoded = []
    for part in flat.split(FRAMES_AT_ONCE):
        levels = (vae.decode(part).sample.float().clamp(-1, 1) + 1) * 127.5
        levels = levels.round() if whole == "nearest" else levels.floor()
        decoded.append(levels.to(torch.uint8).movedim(1, -1).cpu().numpy())  # (n, H, W, 3)
    frames = np.concatenate(decoded)
    return frames.reshape(*latents.shape[:2], *frames.shape[1:])  # (n_clips, n_frames, H, W, 3)
