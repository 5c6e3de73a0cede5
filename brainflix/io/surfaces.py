"""Brain data on grayordinates: CIFTI-2 dense time series, and whether they lie on the standard axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis

from brainflix.errors import DataError
from brainflix.io.cifti import open_cifti, read_block
from brainflix.io.grayordinates import N_CORTEX, axis_sha256, standard_sha256

CORTEX = ("CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT")


@dataclass(frozen=True)
class DenseSeries:
    """A dense time series.

    Attributes:
        data: float32 array of shape (n_volumes, n_grayordinates).
        tr_s: time between volumes in seconds.
        structure: CIFTI structure name of each column.
        index: vertex number of each cortical column, -1 for voxels, (n_grayordinates,).
        voxel: voxel indices of each volume column, -1 for vertices, (n_grayordinates, 3).
    """

    data: np.ndarray
    tr_s: float
    structure: np.ndarray
    index: np.ndarray
    voxel: np.ndarray

    def cortex(self) -> np.ndarray:
        """Return a mask of the cortical columns, (n_grayordinates,); never assume that they come first."""
        return np.isin(self.structure, CORTEX)


def read_dtseries(path: Path) -> DenseSeries:
    """Read a CIFTI-2 dtseries file.

    Raises:
        MissingError: no such file.
        DataError: not CIFTI-2, or not a dense time series, or values that are not finite.
        IntegrityError: the file is damaged, or shorter than its header says.
    """
    file = open_cifti(path)
    series, models = file.rows, file.columns
    if not isinstance(series, SeriesAxis) or not isinstance(models, BrainModelAxis):
        raise DataError(f"{path.name} is not a dense time series")
    data = read_block(file)
    return DenseSeries(
        data, seconds_of(series), np.asarray(models.name), np.asarray(models.vertex), np.asarray(models.voxel)
    )


def seconds_of(series: SeriesAxis) -> float:
    """Return the step of a series axis in seconds; CIFTI allows only SECOND among time units that we meet."""
    if series.unit != "SECOND":
        raise DataError(f"the series axis counts in {series.unit}, not in seconds")
    if not 0 < series.step < np.inf:
        raise DataError(f"the series axis has steps of {series.step} s")
    return float(series.step)


def check_standard_axis(structure: np.ndarray, index: np.ndarray, voxel: np.ndarray, what: str) -> None:
    """Check that columns are the standard 91282 grayordinates, in their order.

    Args:
        structure, index, voxel: as in `DenseSeries`, (n_columns,), (n_columns,) and (n_columns, 3).
        what: the file, for the message.

    Raises:
        DataError: they are others; says in what they differ first.
    """
    if axis_sha256(structure, index, voxel) == standard_sha256():
        return
    n_cortex = int(np.isin(structure, CORTEX).sum())
    raise DataError(
        f"{what} does not lie on the standard 91282 grayordinates",
        why=f"it has {len(structure)} columns, {n_cortex} of them cortex instead of {N_CORTEX}"
        if len(structure) != 91282 or n_cortex != N_CORTEX
        else "its vertices or voxels are others, or in another order",
        next="take the fsLR 91k variant of the data",
    )


def write_dtseries(path: Path, data: np.ndarray, models: BrainModelAxis, tr_s: float) -> None:
    """Write float32 `data` (n_volumes, n_grayordinates) as a CIFTI-2 dtseries on the brain-model axis `models`."""
    series = SeriesAxis(start=0.0, step=tr_s, size=len(data), unit="SECOND")
    image = nib.Cifti2Image(np.ascontiguousarray(data, dtype=np.float32), header=(series, models))
    image.nifti_header["intent_code"] = 3002  # NIFTI_INTENT_CONNECTIVITY_DENSE_SERIES
    nib.save(image, path)
