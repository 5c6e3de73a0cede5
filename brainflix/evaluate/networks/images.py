"""Frames through networks of transformers: class scores (ViT) and CLIP embeddings, in float32 and in batches.

Pixels are prepared by the checkpoint's own processor, its Pillow version, so that whether torchvision is installed
changes no number (docs/scoring.md, Size).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers

from brainflix.device import Compute
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Features, Frames, Network, Run, by_frame
from brainflix.evaluate.networks.loading import load_setup, load_whole

FRAMES_PER_BATCH = 64
Forward = Callable[[torch.Tensor], torch.Tensor]


def versions() -> str:
    """Return the versions of the libraries that prepare pixels and compute, for the names of cache entries."""
    return f"transformers {transformers.__version__}, torch {torch.__version__}"


def frame_logits(checkpoint: Located, compute: Compute) -> Network:
    """Return the network that gives class scores of frames, (n_clips, n_frames, n_classes)."""
    return Network(
        f"class scores of frames, {versions()}", checkpoint.pin, lambda: _classifier(checkpoint.folder, compute)
    )


def clip_embeddings(checkpoint: Located, compute: Compute) -> Network:
    """Return the network that gives projected CLIP image embeddings, (n_clips, n_frames, width)."""
    return Network(f"CLIP embeddings, {versions()}", checkpoint.pin, lambda: _embedder(checkpoint.folder, compute))


def _classifier(folder: Path, compute: Compute) -> Run:
    model = load_whole(transformers.AutoModelForImageClassification, folder, compute)
    return _run_on_frames(folder, lambda pixels: model(pixel_values=pixels).logits, compute)


def _embedder(folder: Path, compute: Compute) -> Run:
    model = load_whole(transformers.CLIPModel, folder, compute)

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        # As get_image_features, which returns a tensor or an object by version.
        embedded: torch.Tensor = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
        return embedded

    return _run_on_frames(folder, forward, compute)


def _run_on_frames(folder: Path, forward: Forward, compute: Compute) -> Run:
    """Return what runs a network on every frame of clips and gives (n_clips, n_frames, width)."""
    processor = load_setup(transformers.AutoImageProcessor, folder, "processor of pixels", backend="pil")

    @torch.inference_mode()
    def run(frames: Frames) -> Features:
        pixels = processor(list(frames), return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        return np.asarray(forward(pixels.to(compute.device)).float().cpu().numpy())

    return by_frame(run, FRAMES_PER_BATCH)
