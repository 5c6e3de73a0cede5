"""Studyforrest as rows: every volume of every described run, beside the clip of film that ran at that moment."""

from __future__ import annotations

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS, run_name, table_path
from brainflix.datasets.studyforrest.parts import ParcelsParams
from brainflix.datasets.studyforrest.sample import shared_parcels
from brainflix.errors import DataError, UsageError
from brainflix.io.texts import readable
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, Space, responses
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.preprocess.timeline import answering_volumes, clip_of_volume
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_finite
from brainflix.store.clips import Clips

SPACE = "Shen150"


def parcels(params: ParcelsParams, inputs: Inputs, work: Work) -> Noted:
    """Read a subject's tables; a row answers its own moment, and decoders read the rows after it as their window.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a table is not in the subject's artifact.
        DataError: a table lacks a parcel, has other volumes than the film, or values that are not finite.
        IntegrityError: a run is a copy of another one.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the parcels of one subject, and this step is of none")
    clips = work.dataset.load_clips(inputs["stimuli"][0].path)
    chosen = shared_parcels()
    seen = Presentations()
    runs = work.progress.track(RUNS, "runs")
    read = (_run(inputs["raw"][0], work.subject, run, clips, chosen, work.dataset.tr_s) for run in runs)
    space = Space((SPACE,) * len(chosen), chosen.astype(np.int32), ("",) * len(chosen))
    made = responses(list(counted(read, seen)), clips, space, masks={"selected": np.ones(len(chosen), bool)})
    return Noted(made, seen.notes())


def _run(raw: Artifact, subject: int, run: int, clips: Clips, chosen: np.ndarray, tr_s: float) -> Run:
    path = raw.file(str(table_path(subject, run)))
    with readable(path), path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        try:
            labels = [int(label) for label in header]
            table = np.loadtxt(file, np.float32, delimiter=",", ndmin=2)
        except ValueError as error:
            raise DataError(f"{path.name} is no table of parcels", why=str(error)) from error
    if table.shape[1] != len(labels):
        raise DataError(f"{path.name} has {table.shape[1]} columns, and its header {len(labels)}")
    lacking = sorted(set(chosen.tolist()) - set(labels))
    if lacking:
        raise DataError(f"{path.name} lacks parcel {lacking[0]}", why=f"{len(lacking)} of {len(chosen)} are not there")
    where = {label: column for column, label in enumerate(labels)}
    rows = table[:, [where[label] for label in chosen.tolist()]]  # (n_volumes, n_parcels)
    check_finite(path.name, rows)
    return Run(run_name(run), rows, _clip_of_rows(len(rows), run_name(run), clips, tr_s, path.name))


def _clip_of_rows(n_volumes: int, segment: str, clips: Clips, tr_s: float, name: str) -> np.ndarray:
    """Return the clip of each volume of a run, -1 for one that is no clip, (n_volumes,).

    Raises:
        DataError: the film has clips beyond the run's end.
    """
    own = np.flatnonzero(np.array(clips.segment) == segment)
    volume = answering_volumes(clips.onset_s[own], tr_s, 0.0, n_volumes)
    if (volume < 0).any():
        last = round(clips.onset_s[own].max() / tr_s) + 1
        raise DataError(f"{name} has {n_volumes} volumes, and its film goes on to volume {last}")
    return clip_of_volume(volume, own, n_volumes)
