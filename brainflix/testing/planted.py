"""What miniatures of several data sets plant: films of known luminance, and few columns of the real axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.io.grayordinates import standard
from brainflix.io.surfaces import CORTEX

CLIP_S, FPS_HZ = 2.0, 30.0


def film(luminance: np.ndarray, *, clip_s: float = CLIP_S, size_px: int = 32) -> np.ndarray:
    """Return a film whose clips have these luminances, 0 to 1: uint8 frames (n_frames, size, size, 3)."""
    levels = np.repeat(40 + 170 * luminance, round(clip_s * FPS_HZ)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (levels.size, size_px, size_px, 3))


def few_columns(areas: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return places in the standard axis, (n_columns,), and how many of them, the first ones, are cortex.

    They are two of each area and side, some other cortex and some subcortex.
    """
    axis = standard()
    chosen = [np.flatnonzero(axis.vertex >= 0)[::700]]
    for area in areas:
        for side in CORTEX:
            chosen.append(np.flatnonzero((axis.area == area) & (axis.structure == side))[:2])
    cortex = np.unique(np.concatenate(chosen))
    return np.concatenate([cortex, np.flatnonzero(axis.vertex < 0)[::1600]]), len(cortex)
