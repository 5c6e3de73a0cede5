"""Visual tokens of BLIP, averaged over a clip's frames (docs/methods/brain-netflix.md, Visual tokens b)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import BlipVisionModel

from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.blip import load_vision_tower, visual_tokens
from brainflix.targets.blocks import Encoded, of_frames
from brainflix.targets.parts import BlipParams
from brainflix.targets.pictures import sized, some

# Means and standard deviations of pixels in [0, 1], one of each per colour.
Scale = tuple[tuple[float, ...], tuple[float, ...]]


def extract(params: BlipParams, inputs: Inputs, work: Work) -> Encoded:
    """Encode all clips; the result has shape (n_clips, 1 + patches, width), the class token first."""
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision)
    tower, scale = load_vision_tower(folder, compute), pixel_scale(folder, params)
    encode = partial(mean_tokens, tower, params=params, scale=scale, compute=compute)
    return Encoded(
        inputs["frames"][0],
        work,
        of_frames(encode),
        attrs={"axes": "clip, token, width"},
        note=lambda shape: {"n_tokens": shape[0], "width": shape[1]},
    )


def pixel_scale(folder: Path, params: BlipParams) -> Scale:
    """Return what the checkpoint's own processor normalises by; the released code does not normalise."""
    if params.compat == "brainnetflix":
        return (0.0,) * 3, (1.0,) * 3
    own = json.loads((folder / "preprocessor_config.json").read_text())
    return tuple(own["image_mean"]), tuple(own["image_std"])


def mean_tokens(
    tower: BlipVisionModel, frames: np.ndarray, *, params: BlipParams, scale: Scale, compute: Compute
) -> np.ndarray:
    """Return each clip's visual tokens after the final norm, averaged over frames.

    Args:
        tower: the vision tower.
        frames: uint8 clips of shape (n_clips, n_frames, H, W, 3).
        params: how many frames of which size.
        scale: what pixels are normalised by.
        compute: device and dtype.

    Returns:
        float32 array of shape (n_clips, 1 + patches, width).
    """
    kept, size = some(frames, params.n_frames), params.size_px
    pictures = sized(kept, size, size, as_released=bool(params.compat))
    flat = torch.from_numpy(pictures).movedim(-1, -3).flatten(0, 1)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in scale)
    pixels = (flat.float() / 255 - mean) / std
    tokens = visual_tokens(tower, pixels.to(compute.device, compute.dtype)).float()
    return tokens.view(*pictures.shape[:2], *tokens.shape[1:]).mean(1).cpu().numpy()
