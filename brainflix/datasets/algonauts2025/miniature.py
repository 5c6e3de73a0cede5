"""Algonauts 2025 in small: short episodes, sessions out of order, a missing episode, films shown twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.algonauts2025.layout import N_PARCELS, friends_path, movies_path

EPISODES = ("s01e01a", "s01e01b", "s01e02a", "s01e10a", "s02e01a", "s06e01a")
MOVIES = ("bourne01", "life01", "life02", "figures01")


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        values: of each subject and run, by segment and repeat, (n_volumes, 1000).
        missing: the subject and the episode that it lacks.
    """

    values: dict[int, dict[tuple[str, int], np.ndarray]]
    missing: tuple[int, str]


def make(folder: Path, *, seed: int = 0, subjects: Sequence[int] = (1, 2), n_volumes: int = 24) -> Planted:
    """Write both files of each subject; episodes stand in sessions in another order than the story's."""
    import h5py

    rng = np.random.default_rng(seed)
    missing = (2, "s01e02a")
    values: dict[int, dict[tuple[str, int], np.ndarray]] = {}
    for subject in subjects:
        values[subject] = {}
        path = folder / friends_path(subject)
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for session, episode in enumerate(reversed(EPISODES), start=1):
                if (subject, episode) != missing:
                    data = rng.standard_normal((n_volumes, N_PARCELS)).astype(np.float32)
                    file[f"ses-{session:03d}_task-{episode}"] = data
                    values[subject][episode, 1] = data
        with h5py.File(folder / movies_path(subject), "w") as file:
            for movie in MOVIES:
                for repeat in (1, 2) if movie.startswith(("life", "figures")) else (1,):
                    data = rng.standard_normal((n_volumes, N_PARCELS)).astype(np.float32)
                    suffix = f"_run-{repeat}" if movie.startswith(("life", "figures")) else ""
                    # The second presentation lies in an earlier place of the file than the first.
                    file[f"ses-{9 - repeat:03d}_task-{movie}{suffix}"] = data
                    values[subject][movie, repeat] = data
    return Planted(values, missing)
