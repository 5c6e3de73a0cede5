"""Scaled latents of frames from an autoencoder, flattened as (f, c, h, w) (docs/methods/brain-netflix.md, Latents z).

The target is the posterior's mode. The released code stores a random sample; `compat: brainnetflix` does so too, with
noise that depends on the seed and the clip alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.vae import encode_latents, load_vae
from brainflix.targets.blocks import Encoded
from brainflix.targets.parts import LatentParams
from brainflix.targets.pictures import sized, some


def extract(params: LatentParams, inputs: Inputs, work: Work) -> Encoded:
    """Encode the frames of all clips; the result has shape (n_clips, n_frames, channels, height, width)."""
    compute = work.compute()
    vae = load_vae(resolve_weights(params.weights, params.revision, params.folders) / params.subfolder, compute)
    seed = work.seed if params.compat else None

    def encode(frames: np.ndarray, clip_ids: Sequence[str]) -> np.ndarray:
        kept, size = some(frames, params.n_frames), params.size_px
        pictures = sized(kept, size, size, as_released=bool(params.compat))
        return encode_latents(vae, pictures, compute, clip_ids, seed)

    attrs = {"axes": "clip, frame, channel, height, width"}
    known = {"scaling_factor": float(vae.config.scaling_factor), "posterior": "mode" if seed is None else "sample"}
    return Encoded(inputs["frames"][0], work, encode, attrs=attrs, note=lambda shape: known)
