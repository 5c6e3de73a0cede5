"""What CLIP sees in a clip: mean image embedding or mean token grid (docs/methods/brain-netflix.md, Other targets)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPVisionModel

from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Job, Tools
from brainflix.parts.dataset import Dataset
from brainflix.store.artifact import Artifact
from brainflix.targets.blocks import encode_clips
from brainflix.targets.parts import ClipParams, ClipTokenParams
from brainflix.targets.pictures import some


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Embed the frames of all clips and average over frames: (n_clips, width)."""
    params, compute = ClipParams.model_validate(job.params), tools.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = CLIPModel.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)

    def encode(frames: np.ndarray) -> np.ndarray:
        mean = _embed(model, processor, some(frames, params.n_frames), compute)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True) if params.normalise else mean

    attrs = {"axes": "clip, width"}
    shape = encode_clips(job, inputs["frames"][0], out, tools, encode, dtype="float32", attrs=attrs)
    return {"width": shape[0]}


def extract_tokens(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Take the image tower's last hidden state of each frame, before its last norm; average over frames.

    The result has shape (n_clips, n_tokens, width), the class token first: 257 x 1024 with ViT-L/14.
    """
    params, compute = ClipTokenParams.model_validate(job.params), tools.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = CLIPVisionModel.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)

    @torch.inference_mode()
    def encode(frames: np.ndarray) -> np.ndarray:
        pictures = some(frames, params.n_frames)
        states = model(pixel_values=_pixels(processor, pictures, compute)).last_hidden_state.float()
        mean: np.ndarray = states.unflatten(0, pictures.shape[:2]).mean(dim=1).cpu().numpy()
        return mean

    shape = encode_clips(job, inputs["frames"][0], out, tools, encode, attrs={"axes": "clip, token, width"})
    return {"n_tokens": shape[0], "width": shape[1]}


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
