"""What the film showed: a clip for each volume, and the numbers that describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS, run_name
from brainflix.datasets.studyforrest.parts import StudyforrestParams
from brainflix.datasets.studyforrest.sample import FILM
from brainflix.errors import DataError
from brainflix.io.texts import read_json
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.features import Features
from brainflix.store.manifest import MANIFEST_NAME

_ABOUT = "what the film showed and sounded like in the 2 s of a volume, not shifted by the haemodynamic delay"


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of clips: every described volume, without the first and last ones of tested runs.

    Raises:
        DataError: a tested run is not described, none is left to train on, or a tested run is all edges.
    """
    chosen = _chosen(raw)
    with np.load(FILM) as film:
        lengths = {run: len(film[f"features_run{run}"]) for run in RUNS}
    return clips_of(lengths, chosen.test_runs, chosen.edge_volumes, clip_s)


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
    with np.load(FILM) as film:
        names = tuple(film["names"].tolist())
        described, hashed = ({run: film[f"{kind}_run{run}"] for run in RUNS} for kind in ("features", "phash"))
    chosen = _chosen(raw)
    places = list(_places({run: len(rows) for run, rows in described.items()}, chosen.test_runs, chosen.edge_volumes))
    values, bits = (np.stack([each[run][volume] for run, volume in places]) for each in (described, hashed))
    numbered = tuple(f"bit_{number + 1:03d}" for number in range(bits.shape[1]))
    return {
        "film": Features(values, names, _ABOUT),
        "phash": Features(bits, numbered, "mean bits of a perceptual hash of the frames, times 50"),
    }


def _chosen(raw: Path) -> StudyforrestParams:
    """Return the tested runs and their edges, which the artifact of the stimuli was made with."""
    path = raw / MANIFEST_NAME
    given = read_json(path).get("parameters", {}) if path.is_file() else {}
    return StudyforrestParams.model_validate({k: v for k, v in given.items() if k in StudyforrestParams.model_fields})
