"""Draw scenes: anti-aliased shapes by signed distance, over backgrounds with a texture each."""

from __future__ import annotations

import numpy as np

from brainflix.demo.grammar import Scene

RGB: dict[str, tuple[int, int, int]] = {
    "red": (225, 45, 40),
    "green": (40, 190, 70),
    "blue": (45, 80, 230),
    "yellow": (240, 215, 45),
    "magenta": (215, 60, 205),
    "cyan": (50, 205, 220),
}


def frame_times(n_frames: int, fps_hz: float) -> np.ndarray:
    """Return the start times of a clip's frames in seconds, array of shape (n_frames,)."""
    return np.arange(n_frames) / fps_hz


def render(scene: Scene, times_s: np.ndarray, size_px: int = 64) -> np.ndarray:
    """Draw a scene at the given times.

    Args:
        scene: what to draw.
        times_s: times of shape (n_frames,) in seconds from the scene's onset.
        size_px: height and width of the square frame.

    Returns:
        uint8 array of shape (n_frames, size_px, size_px, 3), RGB.
    """
    axis = ((np.arange(size_px) + 0.5) / size_px).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    back = _background(scene.background, x, y)
    cx, cy = (values.astype(np.float32) for values in scene.centre(times_s))
    u = (x[None] - cx[:, None, None]) / scene.size
    v = (y[None] - cy[:, None, None]) / scene.size
    distance = _distance(scene.shape, u, v) * scene.size * size_px
    alpha = np.clip(0.5 - distance, 0.0, 1.0)[..., None]
    frames = back[None] + (np.array(RGB[scene.colour], dtype=np.float32) - back) * alpha
    return np.rint(frames, out=frames).astype(np.uint8)


def _background(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the background as float RGB of shape (height, width, 3); muted, so that objects stand out."""
    if name == "sky":
        shade, top, bottom = y, (150, 175, 205), (215, 220, 225)
    elif name == "meadow":
        shade, top, bottom = 0.5 + 0.5 * np.sin(2 * np.pi * 6 * x), (75, 100, 70), (110, 130, 95)
    elif name == "desert":
        shade, top, bottom = 0.5 + 0.5 * np.sin(2 * np.pi * (4 * y + 0.6 * x)), (185, 155, 120), (150, 120, 95)
    else:
        shade, top, bottom = (
            (np.cos(2 * np.pi * 4 * x) * np.cos(2 * np.pi * 4 * y) > 0.7) * 1.0,
            (18, 20, 40),
            (70, 72, 95),
        )
    mixed = (1 - shade[..., None]) * np.array(top, float) + shade[..., None] * np.array(bottom, float)
    return mixed.astype(np.float32)


def _distance(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance to the shape's edge in units of its radius, negative inside (approximate for the star)."""
    r = np.hypot(u, v)
    if shape == "disc":
        return r - 1.0
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) - 0.88
    if shape == "ring":
        return np.abs(r - 0.76) - 0.26
    if shape == "cross":
        arm = np.maximum(np.abs(u) - 1.0, np.abs(v) - 0.34)
        return np.minimum(arm, np.maximum(np.abs(v) - 1.0, np.abs(u) - 0.34))
    if shape == "triangle":
        return np.maximum(0.866 * np.abs(u) - 0.5 * (v + 1.0), v - 0.7)
    return (r - 0.70 - 0.32 * np.cos(5 * (np.arctan2(v, u) + np.pi / 2))) * 0.6
