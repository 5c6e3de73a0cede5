"""Algonauts 2021's estimates as rows: areas side by side, or the voxels of the whole-brain mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.algonauts2021.layout import GRID, N_FILMS, area_path, whole_path
from brainflix.datasets.algonauts2021.parts import Algonauts2021Params
from brainflix.errors import DataError, UsageError
from brainflix.io.legacy import load_pickle
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Space, responses
from brainflix.preprocess.betas import by_ceiling, ceilings, filled, repeat_runs
from brainflix.preprocess.presentations import Presentations

GRID_SPACE = "Algonauts2021-78x93x71"


def betas(params: Algonauts2021Params, inputs: Inputs, work: Work) -> Noted:
    """Read the estimates of a track.

    Raises:
        UsageError: the job is of no subject.
        MissingError: the subject's artifact holds no such file.
        DataError: estimates or mask have another shape.
        IntegrityError: a pickle is damaged or malicious, or no honest repeat remains.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the estimates of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw = inputs["raw"][0]
    clips = dataset.load_clips(raw.path)
    if params.track == "mini":
        paths = [raw.file(str(area_path(work.subject, area))) for area in params.areas]
        read = [_estimates(path)[0] for path in work.progress.track(paths, "areas")]
        values, space = np.concatenate(read, axis=2), _area_space(params.areas, [each.shape[2] for each in read])
    else:
        values, mask = _estimates(raw.file(str(whole_path(work.subject))))
        space = _grid_space(mask, values.shape[2])
    seen = Presentations()
    measured = repeat_runs("train", values, np.arange(N_FILMS), np.arange(values.shape[2]), seen)
    stats = ceilings(measured, "train")
    runs, n_bad = filled(measured)
    if n_bad:
        work.progress.say(f"subject {work.subject}: {n_bad} estimates are not finite and became 0")
    mask = by_ceiling(stats, params.top_n, len(space))
    made = responses(runs, clips, space, masks={"selected": mask}, stats=stats)
    return Noted(made, {"n_values_filled_with_0": n_bad, **seen.notes()})


def _estimates(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return estimates (1000, 3, n_voxels) and, of the whole brain, the mask."""
    found = load_pickle(path)
    values = found.get("train") if isinstance(found, dict) else None
    if not isinstance(values, np.ndarray) or values.ndim != 3 or values.shape[:2] != (N_FILMS, 3):
        what = values.shape if isinstance(values, np.ndarray) else "nothing"
        raise DataError(f"{path.name} has {what} under 'train' instead of ({N_FILMS}, 3, voxels)")
    return values, found.get("voxel_mask")


def _area_space(areas: tuple[str, ...], counts: list[int]) -> Space:
    """Return the space of areas side by side; voxels are numbered in each."""
    structure = tuple(f"Algonauts2021-{area}" for area, n in zip(areas, counts, strict=True) for _ in range(n))
    index = np.concatenate([np.arange(n) for n in counts]).astype(np.int32)
    return Space(structure, index, tuple(area for area, n in zip(areas, counts, strict=True) for _ in range(n)))


def _grid_space(mask: np.ndarray | None, n_voxels: int) -> Space:
    if mask is None or mask.shape != GRID or int((mask != 0).sum()) != n_voxels:
        found = "no mask" if mask is None else f"a mask of {mask.shape} with {int((mask != 0).sum())} voxels"
        raise DataError(f"there are {n_voxels} voxels and {found}")
    places = np.flatnonzero(mask != 0).astype(np.int32)
    return Space((GRID_SPACE,) * n_voxels, places, ("",) * n_voxels)
