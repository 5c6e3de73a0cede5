"""CIFTI-2 files whose rows are named maps or parcels over time: dscalar, dlabel, ptseries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.cifti2.cifti2_axes import BrainModelAxis, LabelAxis, ParcelsAxis, ScalarAxis, SeriesAxis

from brainflix.errors import DataError
from brainflix.io.cifti import open_cifti, read_block
from brainflix.io.surfaces import seconds_of


@dataclass(frozen=True)
class DenseMaps:
    """Maps on grayordinates.

    Attributes:
        data: float32 array of shape (n_maps, n_grayordinates).
        names: of the maps.
        structure, index, voxel: of each column, as in `brainflix.io.surfaces.DenseSeries`.
    """

    data: np.ndarray
    names: tuple[str, ...]
    structure: np.ndarray
    index: np.ndarray
    voxel: np.ndarray


@dataclass(frozen=True)
class ParcelSeries:
    """Time series of parcels: `data` (n_volumes, n_parcels) float32, their `names`, and `tr_s` in seconds."""

    data: np.ndarray
    names: tuple[str, ...]
    tr_s: float


def read_dscalar(path: Path) -> DenseMaps:
    """Read a dense scalar file; raises as `brainflix.io.surfaces.read_dtseries`."""
    return _maps(path, ScalarAxis, "dense scalar file", np.float32)


def read_dlabel(path: Path) -> tuple[DenseMaps, tuple[dict[int, str], ...]]:
    """Read a dense label file: the keys as int32 maps, and for each map the name of each key.

    Raises:
        as `brainflix.io.surfaces.read_dtseries`.
    """
    axis = open_cifti(path).rows
    maps = _maps(path, LabelAxis, "dense label file", np.int32)
    tables = tuple({int(key): str(name) for key, (name, _) in table.items()} for table in axis.label)
    for row, table in zip(maps.data, tables, strict=True):
        if unknown := set(np.unique(row).tolist()) - set(table):
            raise DataError(f"{path.name} has the key {min(unknown)} without a name")
    return maps, tables


def read_ptseries(path: Path) -> ParcelSeries:
    """Read time series of parcels.

    Raises:
        as `brainflix.io.surfaces.read_dtseries`.
    """
    file = open_cifti(path)
    series, parcels = file.rows, file.columns
    if not isinstance(series, SeriesAxis) or not isinstance(parcels, ParcelsAxis):
        raise DataError(f"{path.name} is not a series of parcels")
    return ParcelSeries(read_block(file), tuple(map(str, parcels.name)), seconds_of(series))


def _maps(path: Path, rows: type[Any], what: str, dtype: type[np.generic]) -> DenseMaps:
    file = open_cifti(path)
    axis, models = file.rows, file.columns
    if not isinstance(axis, rows) or not isinstance(models, BrainModelAxis):
        raise DataError(f"{path.name} is not a {what}")
    return DenseMaps(
        data=read_block(file, dtype),
        names=tuple(map(str, axis.name)),
        structure=np.asarray(models.name),
        index=np.asarray(models.vertex),
        voxel=np.asarray(models.voxel),
    )
