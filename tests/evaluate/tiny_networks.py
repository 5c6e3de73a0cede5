"""Small random networks of the classes that `score` loads, saved as their checkpoints are on the Hub."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    ViTConfig,
    ViTForImageClassification,
)

from brainflix.device import seeded_init

SIDE, PATCH, CLASSES, CLIP_WIDTH = 32, 16, 64, 12
LAYERS = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
HALF = [0.5, 0.5, 0.5]
# Processors in the older form that the public checkpoints have.
VIT_PIXELS = {"do_normalize": True, "do_resize": True, "image_mean": HALF, "image_std": HALF, "size": SIDE}
VIT_PIXELS |= {"feature_extractor_type": "ViTFeatureExtractor", "resample": 2}
VIDEO_PIXELS = {
    **{"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 2},
    **{"feature_extractor_type": "VideoMAEFeatureExtractor", "image_processor_type": "VideoMAEImageProcessor"},
    **{"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}},
    **{"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
}
CLIP_PIXELS = {
    **{"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 3, "size": SIDE, "crop_size": SIDE},
    **{"feature_extractor_type": "CLIPFeatureExtractor"},
    **{"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]},
}


def save_vit(folder: Path, seed: int = 0, n_classes: int = CLASSES) -> Path:
    config = ViTConfig(**LAYERS, image_size=SIDE, patch_size=PATCH, num_labels=n_classes, initializer_range=0.5)
    with seeded_init(seed):
        return _save(ViTForImageClassification(config), folder, VIT_PIXELS)


def save_videomae(folder: Path, seed: int = 1, n_frames: int = 8, n_classes: int = CLASSES) -> Path:
    config = VideoMAEConfig(
        **LAYERS,
        image_size=SIDE,
        patch_size=PATCH,
        num_frames=n_frames,
        num_labels=n_classes,
        initializer_range=0.5,
        decoder_hidden_size=16,
        decoder_num_attention_heads=2,
        decoder_num_hidden_layers=1,
        decoder_intermediate_size=16,
    )
    with seeded_init(seed):
        return _save(VideoMAEForVideoClassification(config), folder, VIDEO_PIXELS)


def save_clip(folder: Path, seed: int = 2) -> Path:
    config = CLIPConfig(
        text_config={**LAYERS, "vocab_size": 20, "max_position_embeddings": 8},
        vision_config={**LAYERS, "image_size": SIDE, "patch_size": PATCH},
        projection_dim=CLIP_WIDTH,
        initializer_factor=20.0,
    )
    with seeded_init(seed):
        return _save(CLIPModel(config), folder, CLIP_PIXELS)


def _save(model: torch.nn.Module, folder: Path, pixels: dict[str, object]) -> Path:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder


def videos(n_clips: int, n_frames: int, height: int = 40, width: int = 40, seed: int = 0) -> np.ndarray:
    """Return clips of large blocks of colour that change slowly, uint8 (n_clips, n_frames, height, width, 3)."""
    generator = np.random.default_rng(seed)
    start, step = generator.uniform(0, 255, (2, n_clips, 1, 4, 4, 3))
    coarse = start + np.arange(n_frames)[None, :, None, None, None] * (step - start) / (2 * n_frames)
    rows, columns = -(-height // 4), -(-width // 4)
    return np.kron(coarse, np.ones((1, 1, rows, columns, 1)))[:, :, :height, :width].astype(np.uint8)
