"""Algonauts 2025 as rows: every volume of every episode in the order of the story, with the clip that it answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.algonauts2025.layout import N_PARCELS, RunKey, clips_of, friends_path, movies_path, read_keys
from brainflix.datasets.algonauts2025.parts import Algonauts2025Params
from brainflix.errors import DataError, UsageError
from brainflix.io.hdf5 import read_datasets, shapes_of
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, gather
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.preprocess.timeline import answering_volumes, clip_of_volume
from brainflix.scratch import scratch_rows
from brainflix.store.checks import check_finite
from brainflix.store.schema import Responses

SPACE = "Schaefer18_1000Par7Net"


def parcels(params: Algonauts2025Params, inputs: Inputs, work: Work) -> Noted:
    """Read a subject's two files.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a file is not in the subject's artifact.
        DataError: a run has another number of parcels, or values that are not finite.
        IntegrityError: a file is damaged, or a run is a copy of one of another piece of film.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the parcels of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw = inputs["raw"][0]
    paths = [raw.file(str(path(work.subject))) for path in (friends_path, movies_path)]
    shapes = dict(zip(paths, shapes_of(*paths), strict=True))
    runs = [(path, run) for path in paths for run in read_keys(list(shapes[path]))]
    volumes = {run.key: _n_volumes(path, run.key, shapes[path][run.key]) for path, run in runs}
    lengths: dict[str, int] = {}
    for _, run in runs:
        lengths[run.segment] = max(lengths.get(run.segment, 0), volumes[run.key])
    clips = clips_of(lengths)
    first = {segment: clips.segment.index(segment) for segment in lengths}
    edge = params.drop_edges

    def read(path: Path, run: RunKey, values: np.ndarray) -> Run:
        data = values.astype(np.float32, copy=False)
        check_finite(f"{run.key} in {path.name}", data)
        n = len(data)
        place = first[run.segment] + np.arange(lengths[run.segment])
        onset = np.arange(lengths[run.segment]) * dataset.tr_s
        clip = clip_of_volume(answering_volumes(onset, dataset.tr_s, params.delay_s, n), place, n)
        kept = slice(edge, n - edge)
        return Run(f"{run.segment}_{run.repeat}", data[kept], clip[kept], run.repeat)

    n_rows = sum(n - 2 * edge for n in volumes.values())
    rows = scratch_rows((n_rows, N_PARCELS), work.store.root)
    arrays = (each for path in paths for each in read_datasets(path, [run.key for at, run in runs if at == path]))
    tracked = zip(work.progress.track(runs, "runs"), arrays, strict=True)
    seen = Presentations()
    fields = gather(counted((read(path, run, values) for (path, run), values in tracked), seen), rows)
    responses = Responses(
        **fields,
        clips=clips,
        structure=(SPACE,) * N_PARCELS,
        index=np.arange(N_PARCELS, dtype=np.int32),
        area=("",) * N_PARCELS,
        masks={"selected": np.ones(N_PARCELS, bool)},
    )
    return Noted(responses, seen.notes())


def _n_volumes(path: Path, key: str, shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[1] != N_PARCELS:
        raise DataError(f"{key} in {path.name} has shape {shape} instead of (volumes, {N_PARCELS})")
    return shape[0]
