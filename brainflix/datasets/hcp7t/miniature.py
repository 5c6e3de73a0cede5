"""HCP's 7T films in small: the published numbers of volumes, few grayordinates, the montage alike in every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.hcp7t.layout import FPS_HZ, MOVIES, run_path
from brainflix.io.grayordinates import models
from brainflix.io.surfaces import write_dtseries
from brainflix.io.video import encode
from brainflix.testing.planted import few_columns


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        columns: places in the standard axis; `n_cortex` of them, the first, are cortex.
        drive: what each second of each film shows, by run, (n_seconds,).
        shared: mask over cortical columns that answer it `delay_s` later.
        delay_s: of the answers.
    """

    columns: np.ndarray
    n_cortex: int
    drive: dict[str, np.ndarray]
    shared: np.ndarray
    delay_s: int


def make(
    folder: Path, *, seed: int = 0, subjects: Sequence[int] = (100610,), variant: str = "msmall-clean", snr: float = 2.0
) -> Planted:
    """Write runs whose shared columns answer the film after four seconds, and films of a few frames."""
    rng = np.random.default_rng(seed)
    columns, n_cortex = few_columns(("V1", "V2", "V3", "V4", "V3A", "V3B", "LO1", "LO2", "MT", "MST", "TPOJ1", "TPOJ2"))
    shared = np.arange(n_cortex) % 2 == 0
    montage = rng.standard_normal(76)
    drive: dict[str, np.ndarray] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for movie in MOVIES:
        drive[movie.name] = rng.standard_normal(movie.n_volumes)
        start = movie.intervals[-1][0] // FPS_HZ
        drive[movie.name][start : start + 76] = montage
        encode(np.full((FPS_HZ, 32, 32, 3), 90, np.uint8), float(FPS_HZ), folder / movie.film)
    for subject in subjects:
        for movie in MOVIES:
            data = rng.standard_normal((movie.n_volumes, columns.size))
            answer = np.concatenate([np.zeros(4), drive[movie.name][:-4]])
            data[:, np.flatnonzero(shared)] += snr * answer[:, None]
            path = folder / run_path(subject, movie, variant)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_dtseries(path, (5000 + 30 * data).astype(np.float32), models(columns), 1.0)
    return Planted(columns, n_cortex, drive, shared, 4)
