"""Simulated subjects: one encoding model per grayordinate, a haemodynamic response, drift and autocorrelated noise.

Areas sit where HCP-MMP1 puts them. Early areas have small receptive fields on luminance, edges and opponent colour, V4
larger ones on hue, MT and its neighbours on motion energy; LO and FFC are tuned to shape, PHA to the background.
Fields, tuning, delays and noise are drawn anew for each subject, so no decoder carries over to another one unaligned.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from scipy.stats import gamma

from brainflix.demo.features import GRID, PHASES, ClipFeatures

# The demo's cut of the axis, with places on the flat map.
TABLE = Path(__file__).resolve().parent / "data" / "grayordinates.csv"
TR_S = 2.0
FINE_STEP_S = 0.5
FIELD_SIGMA = {"V1": 0.07, "V2": 0.09, "V3": 0.11, "V4": 0.3, "MT": 0.22, "V4t": 0.25, "MST": 0.35, "FST": 0.35}
MOTION_AREAS, SHAPE_AREAS = ("MT", "V4t", "MST", "FST"), ("LO1", "LO2", "FFC")
BACKGROUND_AREAS = ("PHA1", "PHA2", "PHA3")
# How many early grayordinates prefer each channel of features.EARLY; figures stand out by their saturation.
EARLY_SHARE = np.array([0.15, 0.08, 0.07, 0.2, 0.2, 0.3])
# Seven of ten grayordinates in a driven area respond at all.
RESPONSIVE = 0.7
AR1 = 0.35


@dataclass(frozen=True)
class Grayordinate:
    """One row of the table: where it is and which area it belongs to."""

    index: int
    structure: str
    vertex: int | None
    voxel: tuple[int, int, int] | None
    area: str
    flat_mm: tuple[float, float] | None


@lru_cache(maxsize=1)
def grayordinates() -> tuple[Grayordinate, ...]:
    """Read the shipped cut of the 91282-grayordinate axis, ascending."""
    with TABLE.open(newline="") as file:
        return tuple(_grayordinate(row) for row in csv.DictReader(file))


def _grayordinate(row: dict[str, str]) -> Grayordinate:
    cortical = row["vertex"] != ""
    return Grayordinate(
        index=int(row["grayordinate"]),
        structure=row["structure"],
        vertex=int(row["vertex"]) if cortical else None,
        voxel=None if cortical else (int(row["i"]), int(row["j"]), int(row["k"])),
        area=row["area"],
        flat_mm=(float(row["flat_x_mm"]), float(row["flat_y_mm"])) if cortical else None,
    )


@dataclass(frozen=True)
class Brain:
    """One subject's fixed properties.

    Attributes:
        weights: encoding weights by feature family, each of shape (n_features, n_grayordinates).
        strength: standard deviation of the signal relative to the noise, (n_grayordinates,), zero for silent ones.
        delay_s: haemodynamic peak, (n_grayordinates,).
    """

    weights: dict[str, np.ndarray]
    strength: np.ndarray
    delay_s: np.ndarray


def make_brain(seed: int, subject: int, areas: Sequence[str]) -> Brain:
    """Draw a subject.

    Args:
        seed: seed of the world.
        subject: subject number.
        areas: area of each grayordinate.
    """
    rng = np.random.default_rng([seed, subject, 1])
    n = len(areas)
    sizes = {"early": len(PHASES) * 6 * GRID**2, "hue": 6 * GRID**2, "motion": 4 * GRID**2, "shape": 6, "background": 4}
    weights = {family: np.zeros((size, n), dtype=np.float32) for family, size in sizes.items()}
    strength = np.zeros(n)
    for g, area in enumerate(areas):
        family, tuning = _tuning(area, rng)
        if family and rng.random() < RESPONSIVE:
            weights[family][:, g] = tuning
            strength[g] = rng.lognormal(0.0, 0.35)
    return Brain(weights, strength, np.clip(rng.normal(5.0, 0.4, n), 4.0, 6.5))


def _tuning(area: str, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Draw what one grayordinate of `area` prefers: a feature family and weights over it; ("", …) for silent areas."""
    if area in SHAPE_AREAS:
        return "shape", rng.normal(size=6)
    if area in BACKGROUND_AREAS:
        return "background", rng.normal(size=4)
    if area not in FIELD_SIGMA:
        return "", np.zeros(0)
    field = _receptive_field(rng, FIELD_SIGMA[area])
    if area == "V4":
        return "hue", np.outer(_tuned(rng, 6), field).ravel()
    if area in MOTION_AREAS:
        return "motion", np.outer(rng.normal(size=4), field).ravel()
    return "early", np.outer(_one_channel(rng), field).ravel()


def _receptive_field(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """A Gaussian on the 16 x 16 grid, centre drawn over the frame, sum 1."""
    axis = (np.arange(GRID) + 0.5) / GRID
    cx, cy = rng.uniform(0.05, 0.95, 2)
    field = np.outer(np.exp(-0.5 * ((axis - cy) / sigma) ** 2), np.exp(-0.5 * ((axis - cx) / sigma) ** 2)).ravel()
    return field / field.sum()


def _one_channel(rng: np.random.Generator) -> np.ndarray:
    """A signed preference for one early channel in one temporal phase, flat over (phase, channel)."""
    weights = np.zeros((len(PHASES), len(EARLY_SHARE)))
    weights[rng.integers(len(PHASES)), rng.choice(len(EARLY_SHARE), p=EARLY_SHARE)] = rng.choice((-1.0, 1.0))
    return weights.ravel()


def _tuned(rng: np.random.Generator, n: int) -> np.ndarray:
    """A bump around a random preferred direction on a circle of `n`."""
    return np.exp(2.0 * (np.cos(2 * np.pi * (np.arange(n) / n - rng.random())) - 1))


def drive(brain: Brain, films: Sequence[ClipFeatures]) -> list[np.ndarray]:
    """Return each film's neural drive (n_clips, n_grayordinates), of unit variance over all films, times strength."""
    raw = _encode(brain, films)
    sd = raw.std(axis=0)
    scale = np.divide(brain.strength, sd, out=np.zeros_like(sd), where=sd > 1e-9)
    ends = np.cumsum([len(film.early) for film in films])
    return np.split((raw - raw.mean(axis=0)) * scale, ends[:-1])


def _encode(brain: Brain, films: Sequence[ClipFeatures]) -> np.ndarray:
    """Linear encoding of the family that drives a grayordinate; the families are not linear in the pixels."""
    encoded = np.zeros((sum(len(film.early) for film in films), len(brain.strength)))
    for name, weights in brain.weights.items():
        driven = np.flatnonzero(weights.any(axis=0))
        values = np.concatenate([getattr(film, name).reshape(len(film.early), -1) for film in films])
        encoded[:, driven] = values @ weights[:, driven]
    return encoded


def respond(brain: Brain, clip_drive: np.ndarray, volume_times_s: np.ndarray) -> np.ndarray:
    """Convolve the drive with each grayordinate's haemodynamic response and sample it.

    Args:
        brain: the subject.
        clip_drive: array of shape (n_clips, n_grayordinates), constant within each two-second clip.
        volume_times_s: start of each volume from film onset, (n_volumes,); a volume averages its TR.

    Returns:
        float64 array of shape (n_volumes, n_grayordinates).
    """
    per_clip = round(TR_S / FINE_STEP_S)
    fine = np.repeat(clip_drive, per_clip, axis=0)
    kernels = _kernels(brain.delay_s)
    length = len(fine) + len(kernels) - 1
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(fine, size, axis=0) * np.fft.rfft(kernels, size, axis=0)
    response = np.fft.irfft(spectrum, size, axis=0)
    starts = np.rint(np.asarray(volume_times_s) / FINE_STEP_S).astype(int)
    window = starts[:, None] + np.arange(per_clip)
    return response[np.clip(window, 0, size - 1)].mean(axis=1)


def _kernels(delay_s: np.ndarray) -> np.ndarray:
    """Double-gamma responses peaking at `delay_s`, unit area: (n_steps, n_grayordinates)."""
    t = (np.arange(round(24 / FINE_STEP_S)) + 0.5)[:, None] * FINE_STEP_S
    # A gamma density of scale 0.75 s is a little narrower than the canonical response; its mode is (shape - 1) * scale.
    scale = 0.75
    rise = gamma.pdf(t, delay_s[None] / scale + 1, scale=scale)
    undershoot = gamma.pdf(t, (delay_s[None] + 9) / scale + 1, scale=scale)
    kernel = np.asarray(rise - undershoot / 8)
    return np.asarray(kernel / kernel.sum(axis=0))


def noise(rng: np.random.Generator, n_volumes: int, n_grayordinates: int) -> np.ndarray:
    """Unit-variance AR(1) noise plus slow polynomial drift: (n_volumes, n_grayordinates)."""
    white = rng.standard_normal((n_volumes + 20, n_grayordinates))
    coloured = lfilter([np.sqrt(1 - AR1**2)], [1, -AR1], white, axis=0)[20:]
    t = np.linspace(-1, 1, n_volumes)[:, None]
    slopes = rng.normal(0, 1.5, (3, n_grayordinates))
    return np.asarray(coloured) + t ** np.array([1, 2, 3]) @ slopes
