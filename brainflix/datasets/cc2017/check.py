"""Whether CC2017's files are what they should be. Nobody has published digests, so their content is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.cc2017.layout import find_runs, find_segments, stimulus_path
from brainflix.errors import DataError
from brainflix.io.surfaces import check_standard_axis, read_dtseries
from brainflix.io.video import duration_s

TR_S, CLIP_S = 2.0, 2.0
# So much of the cortex must vary over a run; edges of the field of view may not.
_LIVELY = 0.99


def check(folder: Path, params: Mapping[str, Any], subject: int | None) -> None:
    """Look into every film (subject None) or into every run of a subject.

    Raises:
        DataError: a file is of another length, space or repetition time, or holds nothing; it is named.
        IntegrityError: a file is truncated.
    """
    if subject is None:
        for segment in find_segments(folder):
            _check_film(folder / stimulus_path(segment), params["n_clips"])
        return
    for run in find_runs(folder, subject):
        _check_run(run.path, params["n_clips"], standard=params["axis"] == "91282")


def _check_film(path: Path, n_clips: int) -> None:
    length = duration_s(path)
    # One frame of 30 Hz more or less.
    if abs(length - n_clips * CLIP_S) > 0.05:
        raise DataError(f"{path.name} lasts {length:.2f} s instead of {n_clips * CLIP_S:g} s", next="fetch it again")


def _check_run(path: Path, n_clips: int, *, standard: bool) -> None:
    series = read_dtseries(path)
    if standard:
        check_standard_axis(series.structure, series.index, series.voxel, path.name)
    if abs(series.tr_s - TR_S) > 1e-6:
        raise DataError(f"{path.name} has a repetition time of {series.tr_s} s, not {TR_S} s")
    if len(series.data) not in (n_clips + 5, n_clips + 6):
        raise DataError(
            f"{path.name} has {len(series.data)} volumes instead of {n_clips + 5} or {n_clips + 6}",
            next="fetch the file again",
        )
    cortex = series.data[:, series.cortex()]
    lively = float(np.mean(cortex.max(axis=0) > cortex.min(axis=0))) if cortex.size else 0.0
    if lively < _LIVELY:
        raise DataError(f"{path.name} is constant in {1 - lively:.0%} of the cortex", next="fetch the file again")
