"""Runs and films for the search of the delay, from a subject's raw files in CC2017's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.layout import film_path, find_runs, is_test
from brainflix.errors import UsageError
from brainflix.io.grayordinates import areas_of
from brainflix.io.surfaces import DenseSeries, read_dtseries
from brainflix.io.video import decode_at
from brainflix.parts.dataset import Dataset
from brainflix.progress import Progress
from brainflix.store.clips import Clips

LAYOUT = "brainflix.datasets.cc2017.layout:film_path"
# Half an hour of film shows the delay well enough; decoding more takes minutes.
N_SEGMENTS = 6
_FRAMES_PER_CLIP = 4

Run = tuple[np.ndarray, np.ndarray, int]


def lag_runs(dataset: Dataset, raw: Path, stimuli: Path, subject: int, area: str, progress: Progress) -> list[Run]:
    """Return features, detrended volumes of an area and missing first volumes of the first training segments' runs.

    Features are (n_clips, 2), volumes (n_volumes, n_columns).

    Raises:
        UsageError: the data set has no continuous films in CC2017's layout, or no column lies in the area.
    """
    if dataset.film != LAYOUT:
        raise UsageError(
            f"{dataset.name} has no films in CC2017's layout to look for the delay in",
            why="estimates have no delay, and other films' delays are set as delay_s",
        )
    clips = dataset.load_clips(stimuli)
    chosen = [segment for segment in dict.fromkeys(clips.segment) if not is_test(segment)][:N_SEGMENTS]
    features = {
        segment: film_features(film_path(stimuli, segment), _onsets(clips, segment), dataset.clip_s)
        for segment in progress.track(chosen, "films")
    }
    runs = [run for run in find_runs(raw, subject) if run.segment in features]
    found = []
    for run in progress.track(runs, "runs"):
        series = read_dtseries(run.path)
        data = _detrended(series.data[:, _columns(series, area)].astype(np.float64))
        late = len(features[run.segment]) + 6 - len(data)
        found.append((features[run.segment], data, late))
    return found


def film_features(path: Path, onsets_s: np.ndarray, clip_s: float) -> np.ndarray:
    """Return mean luminance and mean change of luminance of each clip, (n_clips, 2)."""
    within = np.arange(_FRAMES_PER_CLIP) * clip_s / _FRAMES_PER_CLIP
    frames = decode_at(path, (onsets_s[:, None] + within).ravel())
    # Whole pixels are not needed, and frames of a long film are many.
    small = frames[:, ::4, ::4].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    by_clip = small.reshape(len(onsets_s), _FRAMES_PER_CLIP, *small.shape[1:])
    change = np.abs(np.diff(by_clip, axis=1)).mean(axis=(1, 2, 3))
    return np.stack([by_clip.mean(axis=(1, 2, 3)), change], axis=1).astype(np.float64)


def _onsets(clips: Clips, segment: str) -> np.ndarray:
    return clips.onset_s[[place for place, name in enumerate(clips.segment) if name == segment]]


def _columns(series: DenseSeries, area: str) -> np.ndarray:
    at = np.flatnonzero(areas_of(series.structure, series.index) == area)
    if not at.size:
        raise UsageError(f"no column lies in the area {area!r}", why="areas are HCP-MMP1's, such as V1 or MT")
    return at


def _detrended(data: np.ndarray) -> np.ndarray:
    """Take a slow polynomial of the whole, untrimmed run away."""
    time = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(data)), 4)
    basis = np.linalg.qr(time)[0]
    centred = data - data.mean(axis=0)
    return np.asarray(centred - basis @ (basis.T @ centred))
