"""Clips by integer arithmetic and where the reference values of the metrics lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brainflix.evaluate import ssim

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "metrics_synthetic.json"


def reference() -> dict[str, Any]:
    """Return the reference document, or skip the test that needs it."""
    if not REFERENCE.is_file():
        pytest.skip(f"reference vectors are not at {REFERENCE}")
    document: dict[str, Any] = json.loads(REFERENCE.read_text())
    return document


def clip(seed: int, n_frames: int = 6, height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    """Return the clip of the reference vectors, array of shape (n_frames, height, width, 3)."""
    t, y, x = np.meshgrid(np.arange(n_frames), np.arange(height), np.arange(width), indexing="ij")
    red = (3 * x + 2 * y + 37 * seed) % 256
    green = (5 * y + x + 91 * seed + 7 * t) % 256
    blue = (2 * x + 7 * y + 53 * seed) % 256
    texture = (((x * 73856093) ^ (y * 19349663) ^ ((seed + 1) * 83492791)) >> 4) % 32
    value = np.stack([red, green, blue], axis=-1) * 7 // 8 + texture[..., None]
    for frame in range(n_frames):
        left = (10 + 5 * frame * (1 + seed % 2)) % (width - 16)
        top = (8 + 3 * frame + 11 * seed) % (height - 16)
        value[frame, top : top + 16, left : left + 16] = [(200 + 13 * seed) % 256, 40, (90 + 57 * seed) % 256]
    return np.clip(value, 0, 255).astype(np.uint8)


def smooth_clips(n_clips: int, n_frames: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Return random smooth clips of shape (n_clips, n_frames, size, size, 3)."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((n_clips, n_frames, size, size, 3), dtype=np.float32)
    smooth = gaussian_filter(noise, (0, 1, 2, 2, 0))
    return np.clip(127 + smooth / smooth.std() * 50, 0, 255).astype(np.uint8)


def ssim_of(flavour: ssim.Flavour, truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the SSIM of each frame of two clips."""
    return ssim.compare(ssim.prepare(truth, flavour), ssim.prepare(prediction, flavour))
