"""What the simulated brains see in a clip: local contrast, colour and motion energy, and its named factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainflix.demo.grammar import BACKGROUNDS, CLIP_S, SHAPES, Scene, factor_index
from brainflix.demo.render import frame_times, render

GRID = 16
N_HUES = 6
EARLY = ("luminance", "edges_x", "edges_y", "red_green", "blue_yellow", "saturation")
PHASES = ("beginning", "end", "change")
# How fast a response to a clip's beginning fades, or one to its end sets in.
PHASE_S = 0.35
DIRECTIONS = ("left", "right", "up", "down")
# The simulated eye looks at each clip in eight frames at half the demo's resolution.
EYE_FRAMES, EYE_PX = 8, 32


@dataclass(frozen=True)
class ClipFeatures:
    """Features of clips, gathered over each clip.

    Attributes:
        early: maps of shape (n_clips, 3, 6, 16, 16), in the order of `PHASES` and `EARLY`.
        hue: rectified hue maps of shape (n_clips, 6, 16, 16).
        motion: motion energy by direction, shape (n_clips, 4, 16, 16), in the order of `DIRECTIONS`.
        shape: one-hot of shape (n_clips, 6).
        background: one-hot of shape (n_clips, 4).
    """

    early: np.ndarray
    hue: np.ndarray
    motion: np.ndarray
    shape: np.ndarray
    background: np.ndarray


def clip_features(scenes: Sequence[Scene]) -> ClipFeatures:
    """Compute the features of every scene."""
    times = frame_times(EYE_FRAMES, EYE_FRAMES / 2.0)
    maps = [_maps(render(scene, times, EYE_PX)) for scene in scenes]
    early, hue, motion = (np.stack(part) for part in zip(*maps, strict=True))
    return ClipFeatures(
        early=early,
        hue=hue,
        motion=motion,
        shape=np.eye(len(SHAPES))[factor_index(scenes, "shape")],
        background=np.eye(len(BACKGROUNDS))[factor_index(scenes, "background")],
    )


def _maps(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the early, hue and motion maps of one clip, each averaged over its frames."""
    rgb = frames.astype(np.float64) / 255.0
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    dy, dx = np.gradient(luminance, axis=(1, 2))
    opponent = np.stack([red - green, blue - 0.5 * (red + green)])
    saturation = np.maximum(rgb.max(-1) - rgb.min(-1) - 0.25, 0.0)
    early = np.stack([luminance, np.abs(dx), np.abs(dy), *opponent, saturation])
    hue = _hues(opponent).mean(1)
    phases = np.einsum("pt,cthw->pchw", _phase_weights(len(frames)), early)
    return _pool(phases), _normalised(_pool(hue)), _normalised(_pool(_motion_energy(luminance)))


def _phase_weights(n_frames: int) -> np.ndarray:
    """Weights (3, n_frames) of the frames in responses to a clip's beginning, to its end, and to the change between.

    Cells that adapt answer mostly to how a scene begins, others to how it ends, and strongly adapting ones to what the
    end has and the beginning had not. Without them a response that lasts for the whole clip could not tell where things
    came from and where they went.
    """
    decay = np.exp(-frame_times(n_frames, n_frames / CLIP_S) / PHASE_S)
    beginning, end = decay / decay.sum(), decay[::-1] / decay.sum()
    return np.stack([beginning, end, end - beginning])


def _hues(opponent: np.ndarray) -> np.ndarray:
    """Rectified projections of opponent colour on evenly spaced hue directions: (6, n_frames, H, W)."""
    angles = 2 * np.pi * np.arange(N_HUES) / N_HUES
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.maximum(np.einsum("kc,cthw->kthw", directions, opponent) - 0.25, 0.0)


def _motion_energy(luminance: np.ndarray) -> np.ndarray:
    """Rectified spatiotemporal gradient products by direction: (4, H, W), mean over the clip.

    Brightness constancy gives dI/dt = -v . grad I, so -dI/dt * dI/dx is positive for motion to the right.
    """
    dt = np.diff(luminance, axis=0)
    dy, dx = np.gradient(0.5 * (luminance[1:] + luminance[:-1]), axis=(1, 2))
    right, down = (-dt * dx).mean(0), (-dt * dy).mean(0)
    return np.sqrt(np.maximum(np.stack([-right, right, -down, down]), 0.0))


def _normalised(maps: np.ndarray) -> np.ndarray:
    """Divide by the mean of all maps (divisive normalisation): the response says what and where, hardly how much."""
    return np.asarray(maps / (maps.mean() + 1e-3))


def _pool(maps: np.ndarray) -> np.ndarray:
    """Average maps (..., 32, 32) down to (..., 16, 16)."""
    step = maps.shape[-1] // GRID
    return maps.reshape(*maps.shape[:-2], GRID, step, GRID, step).mean(axis=(-3, -1))
