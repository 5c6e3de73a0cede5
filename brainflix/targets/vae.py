"""Scaled latents of every frame from a diffusers autoencoder: Brain Netflix's z (spec 3.2), by the posterior's mode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips, Targets, Videos
from brainflix.targets.params import LatentParams


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Encode all frames of all clips; the result has shape (n_clips, n_frames, channels, height, width)."""
    params, compute = LatentParams.model_validate(job.params), tools.compute()
    vae = load_vae(resolve_weights(params.weights, params.revision) / params.subfolder, compute)
    videos, clips = Videos.load(inputs["frames"][0]), Clips.load(inputs["frames"][0])
    starts = range(0, len(clips), tools.clips_per_batch)
    batches = tools.progress.track([videos.frames[i : i + tools.clips_per_batch] for i in starts], "batches of clips")
    values = np.concatenate([encode_clips(vae, batch, compute) for batch in batches])
    Targets(values, clips, {"axes": "clip, frame, channel, height, width"}).save(out, dtype="float16")
    return {"scaling_factor": float(vae.config.scaling_factor), "posterior": "mode"}


# Frames that are decoded at once: more need many gigabytes at the public models' size, and are no faster.
FRAMES_AT_ONCE = 16


def load_vae(folder: Path, compute: Compute) -> AutoencoderKL:
    """Load an autoencoder in the compute dtype, ready for inference."""
    return AutoencoderKL.from_pretrained(folder, torch_dtype=compute.dtype).to(compute.device).eval()


@torch.inference_mode()
def encode_clips(vae: AutoencoderKL, frames: np.ndarray, compute: Compute) -> np.ndarray:
    """Encode uint8 clips (n_clips, n_frames, H, W, 3) to scaled latents (n_clips, n_frames, c, h, w), float32."""
    pixels = torch.from_numpy(frames).to(compute.device).movedim(-1, -3).flatten(0, 1)
    latents = vae.encode(pixels.to(compute.dtype) / 127.5 - 1.0).latent_dist.mode()
    scaled: np.ndarray = (latents.float() * vae.config.scaling_factor).cpu().numpy()
    return scaled.reshape(*frames.shape[:2], *scaled.shape[1:])


@torch.inference_mode()
def decode_latents(vae: AutoencoderKL, latents: torch.Tensor) -> np.ndarray:
    """Decode scaled latents (n_clips, n_frames, c, h, w) to uint8 frames (n_clips, n_frames, H, W, 3)."""
    flat = latents.flatten(0, 1).to(vae.dtype) / vae.config.scaling_factor
    decoded = []
    for some in flat.split(FRAMES_AT_ONCE):
        pixels = vae.decode(some).sample.float().clamp(-1, 1)
        decoded.append(((pixels + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).cpu().numpy())
    frames = np.concatenate(decoded)
    return frames.reshape(*latents.shape[:2], *frames.shape[1:])
