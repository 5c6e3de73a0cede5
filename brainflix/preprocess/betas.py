"""Estimates of trials: repeats as rows, and what can be predicted of them at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.preprocess.areas import areas_named
from brainflix.preprocess.assemble import Run, Space
from brainflix.preprocess.masks import mask_of
from brainflix.preprocess.noise_ceiling import ncsnr, noise_ceiling


def repeat_runs(name: str, betas: NDArray[Any], clip: NDArray[Any], columns: NDArray[Any]) -> tuple[list[Run], int]:
    """Turn estimates by film and repeat into one run for each repeat.

    Args:
        name: of the runs, to which the number of the repeat is added.
        betas: array of shape (n_films, n_repeats, n_all_columns); may lie on disk.
        clip: place of each film in the table, (n_films,).
        columns: which columns, (n_columns,).

    Returns:
        the runs, and how many values were not finite and became 0, as the released code does.

    Raises:
        DataError: the array has another shape.
    """
    if betas.ndim != 3 or len(betas) != len(clip):
        raise DataError(f"{name} has estimates of shape {betas.shape} for {len(clip)} films")
    runs, n_bad = [], 0
    for number in range(betas.shape[1]):
        rows = np.asarray(betas[:, number][:, columns], np.float32)
        bad = ~np.isfinite(rows)
        n_bad += int(bad.sum())
        rows[bad] = 0.0
        runs.append(Run(f"{name}-{number + 1}", rows, clip, number + 1))
    return runs, n_bad


def ceilings(runs: list[Run], name: str, n_averaged: int | None = None) -> dict[str, np.ndarray]:
    """Return signal-to-noise ratio and noise ceilings of repeats, by name of the statistic, each (n_columns,).

    Args:
        runs: one for each repeat, of the same films.
        name: of the statistics, "train" or "test".
        n_averaged: repeats that are averaged for the second ceiling; by default all.
    """
    if len(runs) < 2:
        return {}
    snr = ncsnr(np.stack([run.rows for run in runs], axis=1), total_ddof=0)
    n = n_averaged or len(runs)
    return {
        f"ncsnr_{name}": snr,
        f"nc_{name}_n1": noise_ceiling(snr, 1),
        f"nc_{name}_n{n}": noise_ceiling(snr, n),
    }


def top(values: NDArray[Any], n: int | None) -> NDArray[np.bool_]:
    """Return the mask (n_columns,) of the n largest values, of all for None; equal ones go by place, NaN never counts.

    Raises:
        DataError: there are fewer columns than that.
    """
    if n is None:
        return np.ones(values.shape, bool)
    if n > np.isfinite(values).sum():
        raise DataError(f"{n} columns are asked for, and {int(np.isfinite(values).sum())} have a noise ceiling")
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:n]
    mask = np.zeros(values.shape, bool)
    mask[order] = True
    return mask


def standard_columns(within: str | None, n_columns: int) -> tuple[NDArray[np.int64], Space]:
    """Return which of the standard grayordinates are kept, (n_kept,), and what they mean.

    Args:
        within: areas by name or list, or None for all.
        n_columns: of the data; 91282, or 59412 for the cortex alone.

    Raises:
        DataError: it is neither.
    """
    from brainflix.io.grayordinates import N_CORTEX, N_GRAYORDINATES, standard

    axis = standard()
    if n_columns not in (N_CORTEX, N_GRAYORDINATES):
        raise DataError(
            f"there are {n_columns} columns, which is neither all {N_GRAYORDINATES} grayordinates nor their cortex",
            next="take the fsLR 91k variant of the data",
        )
    # In the standard axis the cortex does come first; the table that ships says so, and a test holds it.
    known = np.arange(n_columns)
    chosen = known if within is None else np.flatnonzero(mask_of(axis.area[known], areas_named(within)))
    index = np.where(axis.vertex[chosen] >= 0, axis.vertex[chosen], _flat(axis.voxel[chosen], axis.volume_shape))
    area = tuple(axis.area[chosen].tolist())
    return chosen, Space(tuple(axis.structure[chosen].tolist()), index.astype(np.int32), area)


def _flat(voxel: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return voxels' places in C order; meaningless where there is none."""
    return np.asarray((voxel[:, 0] * shape[1] + voxel[:, 1]) * shape[2] + voxel[:, 2], np.int64)
