"""CLIP video embeddings: the mean over frames of projected image embeddings (Brain Netflix spec 4.5)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import CLIPImageProcessorPil, CLIPModel

from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips, Targets, Videos
from brainflix.targets.params import ClipParams


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Embed all frames of all clips and average over frames: (n_clips, width)."""
    params, compute = ClipParams.model_validate(job.params), tools.compute()
    folder = resolve_weights(params.weights, params.revision)
    model = CLIPModel.from_pretrained(folder, dtype=compute.dtype).to(compute.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    videos, clips = Videos.load(inputs["frames"][0]), Clips.load(inputs["frames"][0])
    step = tools.clips_per_batch
    starts = tools.progress.track(list(range(0, len(clips), step)), "batches of clips")
    values = np.concatenate([_embed(model, processor, videos.frames[i : i + step], compute) for i in starts])
    if params.normalise:
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    Targets(values, clips, {"axes": "clip, width"}).save(out)
    return {"width": int(values.shape[1])}


@torch.inference_mode()
def _embed(model: CLIPModel, processor: CLIPImageProcessorPil, frames: np.ndarray, compute: Compute) -> np.ndarray:
    """Return the mean embedding of each clip (n_clips, n_frames, H, W, 3): (n_clips, width), float32."""
    flat = frames.reshape(-1, *frames.shape[2:])
    pixels = processor(list(flat), return_tensors="pt")["pixel_values"].to(compute.device, compute.dtype)
    seen = model.vision_model(pixel_values=pixels).pooler_output
    embedded = model.visual_projection(seen).float().cpu().numpy()
    mean: np.ndarray = embedded.reshape(*frames.shape[:2], -1).mean(axis=1)
    return mean
