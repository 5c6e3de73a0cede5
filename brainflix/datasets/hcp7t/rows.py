"""HCP's 7T films as rows: every volume of a run, with the clip that it answers.

The montage that ends each run is one set of 76 clips with four repeats: its rows go to the clips of the first run's
montage. They are test clips, so that nothing is selected by them; only a noise ceiling is taken.
"""

from __future__ import annotations

import numpy as np

from brainflix.datasets.cc2017.cleaning import choose_columns
from brainflix.datasets.hcp7t.layout import MOVIES, N_MONTAGE, run_path
from brainflix.datasets.hcp7t.parts import Hcp7tParams
from brainflix.errors import DataError, UsageError
from brainflix.io.surfaces import read_dtseries
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, Space, responses
from brainflix.preprocess.betas import ceilings
from brainflix.preprocess.detrend import polynomial_detrend, zscore
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.preprocess.timeline import answering_volumes, clip_of_volume, minmax
from brainflix.store.schema import Clips

TEST = 2


def films(params: Hcp7tParams, inputs: Inputs, work: Work) -> Noted:
    """Read a subject's four runs.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a run is not in the subject's artifact.
        DataError: a run of another length, space or repetition time.
        IntegrityError: a run is a copy of another.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the runs of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw = inputs["raw"][0]
    clips = dataset.load_clips(raw.path)
    # The variant is the data set's choice: the artifact holds one of them.
    found = {path.path: path for path in raw.manifest.files}
    runs: list[Run] = []
    space: Space | None = None
    for movie in work.progress.track(MOVIES, "runs"):
        path = next((raw.path / name for name in found if f"tfMRI_{movie.name}_7T_" in name), None)
        series = read_dtseries(path or raw.file(str(run_path(work.subject, movie, "atlas"))))
        if abs(series.tr_s - dataset.tr_s) > 1e-6:
            raise DataError(f"{movie.name} has a repetition time of {series.tr_s} s, not {dataset.tr_s} s")
        if params.check_volumes and len(series.data) != movie.n_volumes:
            raise DataError(f"{movie.name} has {len(series.data)} volumes instead of {movie.n_volumes}")
        columns = choose_columns(series, params.within)
        own = Space(tuple(columns.structure.tolist()), columns.vertex.astype(np.int32), columns.area)
        if space is not None and (own.structure != space.structure or (own.index != space.index).any()):
            raise DataError(f"{movie.name} lies on other grayordinates than the runs before it")
        space = own
        rows = _scaled(series.data[:, columns.at], params)
        clip = _clips_of(clips, movie.name, len(rows), params.delay_s, dataset.tr_s)
        repeat = np.where((clip >= 0) & (clips.split[clip] == TEST), len(runs) + 1, 1)
        runs.append(Run(movie.name, rows, clip, repeat))
    assert space is not None
    mask, seen = np.ones(len(space), bool), Presentations()
    runs = list(counted(runs, seen))
    return Noted(responses(runs, clips, space, masks={"selected": mask}, stats=_montage(runs, clips)), seen.notes())


def _scaled(data: np.ndarray, params: Hcp7tParams) -> np.ndarray:
    if params.detrend_degree:
        data = polynomial_detrend(data, params.detrend_degree)
    return minmax(data) if params.scale == "minmax" else zscore(data, 1).values.astype(np.float32)


def _clips_of(clips: Clips, movie: str, n_volumes: int, delay_s: float, tr_s: float) -> np.ndarray:
    """Return the clip that each volume of a run answers, (n_volumes,)."""
    mine = np.array([place for place, segment in enumerate(clips.segment) if segment.startswith(f"{movie}-")])
    volumes = answering_volumes(clips.onset_s[mine], tr_s, delay_s, n_volumes)
    # Clips of one group show the same; the group's number is the place of its first clip.
    return clip_of_volume(volumes, clips.dup_group[mine], n_volumes)


def _montage(runs: list[Run], clips: Clips) -> dict[str, np.ndarray]:
    """Return the noise ceiling from the montage, the only repeats; nothing where a run lacks part of it."""
    repeats = []
    for run in runs:
        montage = np.flatnonzero((run.clip >= 0) & (clips.split[run.clip] == TEST))
        if len(montage) != N_MONTAGE:
            return {}
        repeats.append(Run(run.name, run.rows[montage], run.clip[montage]))
    return ceilings(repeats, "test")
