"""What the film showed: a clip for each volume, and the numbers that describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS, run_name
from brainflix.datasets.studyforrest.sample import FILM
from brainflix.errors import DataError
from brainflix.io.texts import read_json
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.features import Features
from brainflix.store.manifest import MANIFEST_NAME

# What is chosen where a folder is no artifact of the store, as in the part's parameters.
TEST_RUNS, EDGE_VOLUMES = (6, 8), 10
_ABOUT = "what the film showed and sounded like in the 2 s of a volume, not shifted by the haemodynamic delay"


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of clips: every described volume, without the first and last ones of tested runs.

    Raises:
        DataError: a tested run is not described, none is left to train on, or a tested run is all edges.
    """
    test_runs, edge = _chosen(raw)
    return clips_of(volumes_of_runs(), test_runs, edge, clip_s)


def clips_of(lengths: dict[int, int], test_runs: Sequence[int], edge: int, clip_s: float) -> Clips:
    """Return the table of clips of runs of so many volumes, each of `clip_s` seconds.

    Neighbouring runs show the same film for 16 s. `edge` volumes at both ends of a tested run are no clips, so that
    nothing is tested that was trained on (docs/datasets.md, Studyforrest).

    Raises:
        DataError: as `load_clips`.
    """
    if unknown := sorted(set(test_runs) - set(lengths)):
        raise DataError(f"run {unknown[0]} cannot be tested", why=f"described are runs {', '.join(map(str, lengths))}")
    if not test_runs or len(test_runs) == len(lengths):
        raise DataError("0 runs are for training" if test_runs else "0 runs are tested", next="set dataset.test_runs")
    rows = list(_places(lengths, test_runs, edge))
    if short := [run for run in test_runs if not any(each == run for each, _ in rows)]:
        raise DataError(f"run {short[0]} has no volume between its edges", next="set dataset.edge_volumes lower")
    split = [SPLITS.index("test") if run in test_runs else SPLITS.index("train") for run, _ in rows]
    return Clips(
        ids=tuple(f"{run_name(run)}_{volume + 1:04d}" for run, volume in rows),
        segment=tuple(run_name(run) for run, _ in rows),
        onset_s=np.array([volume * clip_s for _, volume in rows]),
        split=np.array(split, np.int8),
        caption=("",) * len(rows),
    )


def _places(lengths: dict[int, int], test_runs: Sequence[int], edge: int) -> Iterator[tuple[int, int]]:
    """Yield run and volume of each clip."""
    for run, length in lengths.items():
        outer = edge if run in test_runs else 0
        yield from ((run, volume) for volume in range(outer, length - outer))


def load_features(raw: Path) -> dict[str, Features]:
    """Return what is known of each clip: the described film, and its perceptual hash."""
    test_runs, edge = _chosen(raw)
    found: dict[str, Features] = {}
    with np.load(FILM) as film:
        places = list(_places(volumes_of_runs(), test_runs, edge))
        for table, names in (("film", film["names"].tolist()), ("phash", None)):
            arrays = {run: film[f"{'features' if table == 'film' else table}_run{run}"] for run in RUNS}
            values = np.stack([arrays[run][volume] for run, volume in places])
            words = tuple(names or (f"bit_{number + 1:03d}" for number in range(values.shape[1])))
            about = _ABOUT if table == "film" else "mean bits of a perceptual hash of the frames, times 50"
            found[table] = Features(values, words, about)
    return found


def volumes_of_runs() -> dict[int, int]:
    """Return how many volumes each described run has, in the order of the film."""
    with np.load(FILM) as film:
        return {run: len(film[f"features_run{run}"]) for run in RUNS}


def _chosen(raw: Path) -> tuple[tuple[int, ...], int]:
    """Return the tested runs and their edges, which the artifact of the stimuli was made with."""
    path = raw / MANIFEST_NAME
    given: dict[str, Any] = read_json(path).get("parameters", {}) if path.is_file() else {}
    return tuple(given.get("test_runs", TEST_RUNS)), int(given.get("edge_volumes", EDGE_VOLUMES))
