"""Algonauts 2021 in small: all 1000 films, few voxels, pickles of Python 2."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brainflix.datasets.algonauts2021.layout import AREAS, FILMS, GRID, N_FILMS, area_path, whole_path
from brainflix.io.video import encode
from brainflix.testing.planted import film


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted: estimates by subject and area (1000, 3, n_voxels), and the whole brain's mask's places."""

    values: dict[int, dict[str, np.ndarray]]
    places: np.ndarray


def make(folder: Path, *, seed: int = 0, subjects: Sequence[int] = (1, 2)) -> Planted:
    """Write both tracks and three films. Areas have signal in their first voxels only."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(GRID)
    places = np.sort(rng.choice(mask.size, 12, replace=False))
    mask.ravel()[places] = 1
    values: dict[int, dict[str, np.ndarray]] = {}
    for subject in subjects:
        values[subject] = {area: _estimates(rng, 3 + number) for number, area in enumerate(AREAS)}
        for area, each in values[subject].items():
            write_python2(folder / area_path(subject, area), {"train": each})
        values[subject]["WB"] = _estimates(rng, len(places))
        write_python2(folder / whole_path(subject), {"train": values[subject]["WB"], "voxel_mask": mask})
    for number in (1, 2, 1102):
        path = folder / FILMS / f"{number:04d}_made-up_{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(film(np.linspace(0, 1, 3), clip_s=1.0), 30.0, path)
    return Planted(values, places)


def _estimates(rng: np.random.Generator, n_voxels: int) -> np.ndarray:
    signal = rng.standard_normal((N_FILMS, 1, n_voxels)) * (np.arange(n_voxels) < 2)
    return signal + rng.standard_normal((N_FILMS, 3, n_voxels))


class _Python2(pickle._Pickler):
    """Writes bytes and texts as Python 2's str."""

    def save_str(self, value: str | bytes) -> None:
        """Write text of either kind."""
        body = value if isinstance(value, bytes) else value.encode("latin-1")
        pickler: Any = self
        pickler.write(b"T" + struct.pack("<i", len(body)) + body)
        pickler.memoize(value)

    dispatch: ClassVar[Any] = {**pickle._Pickler.dispatch, bytes: save_str, str: save_str}


def write_python2(path: Path, value: Any) -> None:
    """Write a pickle as Python 2 and numpy 1 wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    _Python2(file, 2).dump(value)
    path.write_bytes(file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
