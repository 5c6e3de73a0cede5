"""CC2017 in small: the published run table and formats, with eight clips in a segment and few grayordinates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.layout import MISSING_RUN, REPEATS, is_test, run_path, stimulus_path
from brainflix.io.grayordinates import models
from brainflix.io.surfaces import write_dtseries
from brainflix.io.video import encode
from brainflix.preprocess.areas import GROUP41, MIND_ANIMATOR12
from brainflix.testing.planted import FPS_HZ, few_columns, film

TR_S, DELAY_S = 2.0, 4.0


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        n_clips: clips in a segment.
        columns: places of the columns in the standard axis, (n_columns,).
        n_cortex: how many of them are cortex.
        shared: mask over the cortical columns that answer the film alike in every repeat, (n_cortex,).
        drive: what the shared columns answer to, by segment: luminance of each clip, (n_clips,).
        delay_s: from a clip's onset to its answer.
        snr: spread of the shared answer relative to the noise's.
    """

    n_clips: int
    columns: np.ndarray
    n_cortex: int
    shared: np.ndarray
    drive: dict[str, np.ndarray]
    delay_s: float
    snr: float


def make(
    folder: Path, *, seed: int = 0, subjects: tuple[int, ...] = (1, 2, 3), n_clips: int = 8, snr: float = 3.0
) -> Planted:
    """Write the films and the subjects' runs as the published bundles unpack.

    Every film's clips differ in luminance, which half of the cortical columns follow after four seconds, in every
    repeat alike; the others are noise. Every column drifts by a cubic, around a scanner's baseline.
    """
    rng = np.random.default_rng(seed)
    columns, n_cortex = few_columns((*GROUP41, *MIND_ANIMATOR12))
    shared = np.arange(n_cortex) % 2 == 0
    drive = {segment: rng.permutation(n_clips) / (n_clips - 1.0) for segment in REPEATS}
    for segment, luminance in drive.items():
        path = folder / stimulus_path(segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(film(luminance), FPS_HZ, path)
    for subject in subjects:
        for segment, count in REPEATS.items():
            for repeat in range(1, count + 1):
                if (subject, segment, repeat) != MISSING_RUN:
                    data = _run(segment, drive[segment], columns.size, np.flatnonzero(shared), snr, rng)
                    path = folder / run_path(subject, segment, repeat)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_dtseries(path, data, models(columns), TR_S)
    return Planted(n_clips, columns, n_cortex, shared, drive, DELAY_S, snr)


def _run(
    segment: str, luminance: np.ndarray, n_columns: int, shared: np.ndarray, snr: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a run in scanner units; those of 245 volumes lack the first volume of those of 246."""
    n_clips = len(luminance)
    late = not is_test(segment) or segment == "test1"
    n_volumes = n_clips + (5 if late else 6)
    lag = round(DELAY_S / TR_S)
    signal = np.zeros(n_clips + 6)
    signal[lag : lag + n_clips] = (luminance - luminance.mean()) / luminance.std()
    data = rng.standard_normal((n_volumes, n_columns))
    data[:, shared] += snr * signal[late:, None]
    time = np.linspace(-1, 1, n_volumes)[:, None]
    drift = sum(rng.normal(0, 3, n_columns) * time**power for power in (1, 2, 3))
    return np.asarray(10_000 + 20 * (data + drift), np.float32)
