"""Estimates of trials: repeats as rows, and what can be predicted of them at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, IntegrityError
from brainflix.preprocess.areas import areas_named
from brainflix.preprocess.assemble import Run, Space
from brainflix.preprocess.masks import mask_of
from brainflix.preprocess.noise_ceiling import ncsnr, noise_ceiling, repeats_of
from brainflix.preprocess.presentations import Presentations, counted


def repeat_runs(
    name: str, betas: NDArray[Any], clip: NDArray[Any], columns: NDArray[Any], seen: Presentations
) -> list[Run]:
    """Turn estimates by film and repeat into one run for each repeat; what is not finite is NaN, a missing repeat.

    Args:
        name: of the runs, to which the number of the repeat is added.
        betas: array of shape (n_films, n_repeats, n_all_columns); may lie on disk.
        clip: place of each film in the table, (n_films,).
        columns: which columns, (n_columns,).
        seen: what is a copy or constant does not count, and is named there.

    Raises:
        DataError: the array has another shape.
        IntegrityError: no honest repeat remains.
    """
    if betas.ndim != 3 or len(betas) != len(clip):
        raise DataError(f"{name} has estimates of shape {betas.shape} for {len(clip)} films")
    if not len(columns):
        raise DataError(f"0 columns of the {name} estimates are selected", next="name other areas, or none")
    repeats = (_repeat(f"{name}-{n + 1}", betas[:, n], clip, columns, n + 1, seen) for n in range(betas.shape[1]))
    return list(counted(repeats, seen))


def _repeat(
    name: str, betas: NDArray[Any], clip: NDArray[Any], columns: NDArray[Any], number: int, seen: Presentations
) -> Run:
    """Return one repeat, (n_films, n_columns); a film without a single estimate was not measured in it."""
    rows = np.array(betas[:, columns], np.float32)
    rows[~np.isfinite(rows)] = np.nan
    measured = np.nan_to_num(rows).any(axis=1)
    if not measured.all() and measured.any():
        seen.constant.append(f"{int((~measured).sum())} of {len(rows)} rows of {name}")
    return Run(name, rows, np.where(measured | ~measured.any(), clip, -1), number)


def filled(runs: Sequence[Run]) -> tuple[list[Run], int]:
    """Return runs in which missing estimates became 0, as the released code does, and how many they were.

    What repeats say of the noise is taken before this: a 0 is no measurement.
    """
    n_bad = sum(int(np.isnan(run.rows).sum()) for run in runs)
    return [replace(run, rows=np.nan_to_num(run.rows, nan=0.0)) for run in runs], n_bad


def ceilings(runs: Sequence[Run], name: str) -> dict[str, np.ndarray]:
    """Return signal-to-noise ratio and noise ceilings of repeats, by name of the statistic, each (n_columns,).

    The second ceiling is that of the mean of all repeats; where a column lacks some of a clip's, 1 / n is the mean of
    1 / n_i over its clips (docs/datasets.md, Noise ceiling).

    Args:
        runs: one for each repeat, of the same films; NaN, or a clip of -1, is a missing repeat.
        name: of the statistics, "train" or "test".
    """
    if len(runs) < 2:
        return {}
    cube = np.stack([np.where(run.clip[:, None] >= 0, run.rows, np.nan) for run in runs], axis=1)
    snr = ncsnr(cube, total_ddof=0)  # cube: (n_films, n_repeats, n_columns)
    return {
        f"ncsnr_{name}": snr,
        f"nc_{name}_n1": noise_ceiling(snr, 1),
        f"nc_{name}_n{len(runs)}": noise_ceiling(snr, repeats_of(cube)),
    }


def by_ceiling(stats: Mapping[str, NDArray[Any]], n: int | None, n_columns: int) -> NDArray[np.bool_]:
    """Return the mask (n_columns,) of the n columns with the highest ceiling over training repeats, of all for None.

    Raises:
        IntegrityError: no honest training repeats remain to take a ceiling from.
        DataError: fewer columns have a ceiling.
    """
    if n is None:
        return np.ones(n_columns, bool)
    if "ncsnr_train" not in stats:
        raise IntegrityError(
            "there is no noise ceiling to select columns by",
            why="fewer than two training repeats were measured",
            next="look at the file of estimates, or select all with preprocess.top_n=null",
        )
    return top(stats["ncsnr_train"], n)


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
