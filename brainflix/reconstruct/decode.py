"""Decode predicted latents once: blurry clips for video-to-video (docs/methods/brain-netflix.md, Other generators)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL

from brainflix.device import Compute
from brainflix.errors import DataError
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.vae import decode_latents
from brainflix.reconstruct.axes import frames_first
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.memory import place_networks, switch_vae
from brainflix.reconstruct.parts import DecodeLatentsParams
from brainflix.reconstruct.rendering import rendering


@dataclass(frozen=True, eq=False)
class Decoder:
    """The generator: reads the condition `latents` and nothing else.

    Attributes:
        vae: the autoencoder.
        latent_factor: what latents are multiplied by.
        compute: device and dtype.
        notes: what the manifest records.
    """

    vae: AutoencoderKL
    latent_factor: float
    compute: Compute
    notes: Mapping[str, object]

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, n_frames, height, width, 3)."""
        if "latents" not in batch.conditions:
            raise DataError("the batch has no latents to decode", next="name them as the input 'latents'")
        channels = int(self.vae.config.latent_channels)
        latents = frames_first(batch.conditions["latents"], batch.n_frames, channels)
        scaled = torch.from_numpy(np.ascontiguousarray(latents, np.float32)) * self.latent_factor
        return decode_latents(self.vae, scaled.to(self.compute.device))


def load(params: DecodeLatentsParams, inputs: Inputs, work: Work) -> Decoder:
    """Load the autoencoder's folder alone."""
    folder, compute = (
        resolve_weights(params.weights, params.revision, params.folders) / params.subfolder,
        work.compute(),
    )
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=compute.dtype, local_files_only=True).eval()
    notes = switch_vae(vae, work) | place_networks([vae], compute, work)
    return Decoder(vae, params.latent_factor, compute, notes)


part = rendering(load)
