"""What CLIP sees in a clip: mean image embedding or mean token grid (docs/methods/brain-netflix.md, Other targets)."""

from __future__ import annotations

import numpy as np
import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPVisionModel

from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.targets.blocks import Encoded, of_frames
from brainflix.targets.parts import ClipParams, ClipTokenParams
from brainflix.targets.pictures import some


def extract(params: ClipParams, inputs: Inputs, work: Work) -> Encoded:
    """Embed the frames of all clips and average over frames: (n_clips, width)."""
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = CLIPModel.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)

    def encode(frames: np.ndarray) -> np.ndarray:
        mean = _embed(model, processor, some(frames, params.n_frames), compute)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True) if params.normalise else mean

    return Encoded(
        inputs["frames"][0],
        work,
        of_frames(encode),
        dtype="float32",
        attrs={"axes": "clip, width"},
        note=lambda shape: {"width": shape[0]},
    )


def extract_tokens(params: ClipTokenParams, inputs: Inputs, work: Work) -> Encoded:
    """Take the image tower's last hidden state of each frame, before its last norm; average over frames.

    The result has shape (n_clips, n_tokens, width), the class token first: 257 x 1024 with ViT-L/14.
    """
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = CLIPVisionModel.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)

    @torch.inference_mode()
    def encode(frames: np.ndarray) -> np.ndarray:
        pictures = some(frames, params.n_frames)
        states = model(pixel_values=_pixels(processor, pictures, compute)).last_hidden_state.float()
        mean: np.ndarray = states.unflatten(0, pictures.shape[:2]).mean(dim=1).cpu().numpy()
        return mean

    return Encoded(
        inputs["frames"][0],
        work,
        of_frames(encode),
        attrs={"axes": "clip, token, width"},
        note=lambda shape: {"n_tokens": shape[0], "width": shape[1]},
    )


@torch.inference_mode()
def _embed(model: CLIPModel, processor: CLIPImageProcessorPil, frames: np.ndarray, compute: Compute) -> np.ndarray:
    """Return the mean embedding of each clip (n_clips, n_frames, H, W, 3): (n_clips, width), float32."""
    seen = model.vision_model(pixel_values=_pixels(processor, frames, compute)).pooler_output
    embedded = model.visual_projection(seen).float().cpu().numpy()
    mean: np.ndarray = embedded.reshape(*frames.shape[:2], -1).mean(axis=1)
    return mean


def _pixels(processor: CLIPImageProcessorPil, frames: np.ndarray, compute: Compute) -> torch.Tensor:
    """Return the network's pixels (n_clips * n_frames, 3, size, size) of clips (n_clips, n_frames, H, W, 3)."""
    flat = frames.reshape(-1, *frames.shape[2:])
    return processor(list(flat), return_tensors="pt")["pixel_values"].to(compute.device, compute.dtype)
