"""Fudan's fMRI-Video in small: small pictures, few films in a condition, one run too short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.fudan.layout import CAPTIONS, CONDITIONS, HOME, MASK, condition_path, run_path, runs_of
from brainflix.io.video import encode

N_LEAD_IN, DELAY, VOLUMES_PER_FILM = 3, 5, 13


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        films: of each condition, in the order in which they were shown.
        visual: mask of visual cortex in the pictures, (height, width).
        drive: of each clip by id: what its five volumes add to every visual pixel.
        short: a run of subject 2, and how many of its clips are cut off.
    """

    films: dict[int, list[str]]
    visual: np.ndarray
    drive: dict[str, float]
    short: tuple[int, int]


def make(folder: Path, *, seed: int = 0, subjects: Sequence[int] = (1, 2), n_films: int = 8) -> Planted:
    """Write runs, mask, conditions, captions and a film; every condition has `n_films` films, a multiple of 4."""
    import h5py

    rng = np.random.default_rng(seed)
    visual = np.zeros((60, 40), bool)
    visual[15:45, 4:30] = True
    picture = np.where(visual, 1, -1)
    picture[:5] = 0
    (folder / HOME / "stimuli/condition").mkdir(parents=True, exist_ok=True)
    np.savez(folder / MASK, images=picture[None])
    films: dict[int, list[str]] = {}
    for number, condition in enumerate(each for numbers in CONDITIONS.values() for each in numbers):
        films[condition] = [str(100 * number + film + 1) for film in range(n_films)]
    first, again = CONDITIONS["test"]
    films[again] = list(films[first])
    for condition, names in films.items():
        (folder / condition_path(condition)).write_text("".join(f"{name}\n" for name in names))
    every = [name for names in films.values() for name in names]
    np.save(folder / CAPTIONS, {int(name): f"film {name}" for name in every})  # type: ignore[arg-type]
    drive = {f"{name}_{half}": float(rng.normal()) for name in dict.fromkeys(every) for half in (1, 2)}
    encode(np.full((240, 32, 32, 3), 90, np.uint8), 30.0, folder / HOME / f"stimuli/{every[0]}.mp4")
    short = (7, 3)
    for subject in subjects:
        for condition, names in films.items():
            runs = runs_of(subject, condition)
            per_run = n_films // len(runs)
            for part, run in enumerate(runs):
                shown = names[part * per_run : (part + 1) * per_run]
                data = _run(shown, drive, visual, rng)
                if (subject, run) == (2, short[0]):
                    # Two volumes of the last film but one's second clip are left.
                    data = data[: N_LEAD_IN + DELAY + VOLUMES_PER_FILM * (len(shown) - 2) + 7]
                path = folder / run_path(subject, run)
                path.parent.mkdir(parents=True, exist_ok=True)
                with h5py.File(path, "w") as file:
                    file.create_dataset("images", data=data)
    return Planted(films, visual, drive, short)


def _run(shown: list[str], drive: dict[str, float], visual: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a run's pictures: each clip's five volumes carry its own level in visual cortex, above noise."""
    n = N_LEAD_IN + DELAY + VOLUMES_PER_FILM * len(shown) + 2
    data = 100 + rng.standard_normal((n, *visual.shape))
    for place, name in enumerate(shown):
        for half in (1, 2):
            start = N_LEAD_IN + DELAY + VOLUMES_PER_FILM * place + 5 * (half - 1)
            data[start : start + 5] += 3 * drive[f"{name}_{half}"] * visual
    return data.astype(np.float32)
