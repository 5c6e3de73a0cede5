"""BOLD Moments in small: a few films, all 91282 grayordinates, the released pickles."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.bmd.layout import betas_path, ceiling_path, film_path
from brainflix.io.video import encode
from brainflix.testing.planted import film

N_GRAYORDINATES = 91282


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        n_train, n_test: films with estimates.
        snr: ratio of the signal's spread to the noise's of each grayordinate, (91282,); the first half have none.
        signal: the films' noise-free answer by split, (n_films, 91282), unit spread times `snr`.
        n_bad: values that are not finite, of a subject.
    """

    n_train: int
    n_test: int
    snr: np.ndarray
    signal: dict[str, np.ndarray]
    n_bad: int


def make(
    folder: Path, *, seed: int = 0, subjects: Sequence[int] = (1,), n_train: int = 40, n_test: int = 12
) -> Planted:
    """Write estimates with a known signal-to-noise ratio, the released noise ceilings, and two films."""
    rng = np.random.default_rng(seed)
    snr = np.where(np.arange(N_GRAYORDINATES) % 2 == 0, 0.0, 1.0)
    signal = {
        split: (snr * rng.standard_normal((n, N_GRAYORDINATES))).astype(np.float32)
        for split, n in {"train": n_train, "test": n_test}.items()
    }
    for subject in subjects:
        for split, (n_repeats, start) in {"train": (3, 1), "test": (10, 1001)}.items():
            noise = rng.standard_normal((len(signal[split]), n_repeats, N_GRAYORDINATES), np.float32)
            values = (signal[split][:, None] + noise).astype(np.float64)
            if split == "train":
                values[0, 0, :3] = np.nan
            names = [f"vid{start + number:04d}" for number in range(len(values))]
            write_pickle(folder / betas_path(subject, split), (values, names))
            for n in (1, n_repeats):
                ceiling = 100 * snr**2 / (snr**2 + 1 / n)
                write_pickle(folder / ceiling_path(subject, split, n), (snr, ceiling))
    for number in (1, 1001):
        path = film_path(folder, f"vid{number:04d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(film(np.linspace(0, 1, 3), clip_s=1.0), 30.0, path)
    return Planted(n_train, n_test, snr, signal, 3)


def write_pickle(path: Path, value: Any, protocol: int = 4) -> None:
    """Write a pickle as the release has them; brainflix itself only reads such files in its sandbox."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol))
