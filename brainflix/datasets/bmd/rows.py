"""BOLD Moments' estimates as rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.bmd.layout import betas_path, ceiling_path
from brainflix.datasets.bmd.parts import BmdParams
from brainflix.errors import DataError, UsageError
from brainflix.io.legacy import load_pickle
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, responses
from brainflix.preprocess.betas import by_ceiling, ceilings, filled, repeat_runs, standard_columns
from brainflix.preprocess.presentations import Presentations

REPEATS = {"train": 3, "test": 10}


def betas(params: BmdParams, inputs: Inputs, work: Work) -> Noted:
    """Read the released estimates, which are scaled by session already, and keep the areas asked for.

    Raises:
        UsageError: the job is of no subject.
        MissingError: the subject's artifact holds no betas.
        DataError: the estimates have another shape, or films have other names.
        IntegrityError: a pickle is damaged or malicious, or no honest repeat remains.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the estimates of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw = inputs["raw"][0]
    clips = dataset.load_clips(raw.path)
    n_films = {"train": params.n_train, "test": params.n_test}
    runs: list[Run] = []
    stats: dict[str, np.ndarray] = {}
    n_bad, seen = 0, Presentations()
    for split, n_repeats in work.progress.track(list(REPEATS.items()), "files of estimates"):
        values, names = _read(raw.file(str(betas_path(work.subject, split))), (n_films[split], n_repeats))
        columns, space = standard_columns(params.within, values.shape[2])
        found = repeat_runs(split, values, clips.places(names), columns, seen)
        stats |= ceilings(found, split)
        found, bad = filled(found)
        released = raw.path / ceiling_path(work.subject, split, n_repeats)
        if released.is_file():
            stats[f"released_nc_{split}_n{n_repeats}"] = _released(released, columns)
        runs += found
        n_bad += bad
    if n_bad:
        work.progress.say(f"subject {work.subject}: {n_bad} estimates are not finite and became 0")
    mask = by_ceiling(stats, params.top_n, len(space))
    made = responses(runs, clips, space, masks={"selected": mask}, stats=stats)
    return Noted(made, {"n_values_filled_with_0": n_bad, **seen.notes()})


def _read(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Read a file of estimates (n_films, n_repeats, n_grayordinates) and the films' names."""
    found = load_pickle(path)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], np.ndarray)):
        raise DataError(f"{path.name} is not a pair of estimates and names")
    values, names = found[0], [str(name) for name in found[1]]
    if values.ndim != 3 or values.shape[:2] != shape or len(names) != shape[0]:
        raise DataError(f"{path.name} has estimates of shape {values.shape} and {len(names)} names, not {shape}")
    return values, names


def _released(path: Path, columns: np.ndarray) -> np.ndarray:
    """Return the released noise ceiling in percent, for comparison with our own; NaN where there is none."""
    found = load_pickle(path)
    values = np.asarray(found[1] if isinstance(found, tuple) else found, np.float64).ravel()
    if values.size <= columns.max():
        raise DataError(f"{path.name} has {values.size} values, fewer than grayordinates")
    kept: np.ndarray = values[columns]
    return kept
