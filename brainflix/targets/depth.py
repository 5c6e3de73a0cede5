"""Relative depth of a clip's frames by MiDaS' DPT, -1 to 1 in each (docs/methods/brain-netflix.md, Other targets).

The network's map is averaged down to its size first and scaled then, so that each frame of the target spans the whole
range; released scripts shrink bilinearly, then scale a whole clip. Not run on the public weights here.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate
from transformers import DPTForDepthEstimation, DPTImageProcessorPil

from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.targets.blocks import Encoded, of_frames
from brainflix.targets.parts import DepthParams
from brainflix.targets.pictures import some


def extract(params: DepthParams, inputs: Inputs, work: Work) -> Encoded:
    """Estimate the depth of the frames of all clips: (n_clips, n_frames, size, size), larger where nearer."""
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = DPTForDepthEstimation.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = DPTImageProcessorPil.from_pretrained(folder)

    @torch.inference_mode()
    def encode(frames: np.ndarray) -> np.ndarray:
        pictures = some(frames, params.n_frames)
        flat = list(pictures.reshape(-1, *pictures.shape[2:]))
        pixels = processor(flat, return_tensors="pt")["pixel_values"].to(compute.device, compute.dtype)
        maps = scaled(model(pixels).predicted_depth.float(), params.size_px)
        found: np.ndarray = maps.reshape(*pictures.shape[:2], *maps.shape[1:]).cpu().numpy()
        return found

    return Encoded(
        inputs["frames"][0],
        work,
        of_frames(encode),
        attrs={"axes": "clip, frame, height, width"},
        note=lambda shape: {"n_frames": shape[0], "size_px": params.size_px},
    )


def scaled(depth: torch.Tensor, size_px: int) -> torch.Tensor:
    """Average maps (n, H, W) down to (n, size_px, size_px), and each to -1 to 1; a flat one is 0 all over."""
    small = interpolate(depth[:, None], size=(size_px, size_px), mode="area")[:, 0]
    low, high = small.amin((1, 2), keepdim=True), small.amax((1, 2), keepdim=True)
    span = high - low
    return torch.where(span > 0, 2 * (small - low) / span.clamp(min=torch.finfo(span.dtype).tiny) - 1, 0.0)
