"""Read and write brain data on grayordinates: CIFTI-2 dense time series through nibabel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis
from nibabel.filebasedimages import ImageFileError

from brainflix.errors import DataError, IntegrityError, MissingError

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
        """Return a boolean mask of the cortical columns; never assume that they come first."""
        return np.isin(self.structure, CORTEX)


def read_dtseries(path: Path) -> DenseSeries:
    """Read a CIFTI-2 dtseries file.

    Raises:
        MissingError: no such file.
        DataError: not CIFTI-2, or not a dense time series, or values that are not finite.
        IntegrityError: the file is shorter than its header says.
    """
    if not path.is_file():
        raise MissingError(f"no file at {path}")
    try:
        image = nib.load(path, mmap=False)
    except (ImageFileError, ValueError, EOFError, OSError) as error:
        raise DataError(f"{path.name} is not a readable CIFTI-2 file", why=str(error)) from error
    if not isinstance(image, nib.Cifti2Image):
        raise DataError(
            f"{path.name} is not CIFTI-2 but {type(image).__name__} of shape {image.shape}",
            next=f"wb_command -file-convert -cifti-version-convert {path.name} 2 OUT.dtseries.nii",
        )
    series, models = image.header.get_axis(0), image.header.get_axis(1)
    if not isinstance(series, SeriesAxis) or not isinstance(models, BrainModelAxis):
        raise DataError(f"{path.name} is not a dense time series")
    data = _read_block(image, path)
    return DenseSeries(
        data, _seconds(series), np.asarray(models.name), np.asarray(models.vertex), np.asarray(models.voxel)
    )


def _read_block(image: nib.Cifti2Image, path: Path) -> np.ndarray:
    """Read the data once and whole."""
    try:
        data = np.asanyarray(image.dataobj, dtype=np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise IntegrityError(f"{path.name} is truncated", why=str(error), next="fetch the file again") from error
    if not np.isfinite(data).all():
        raise DataError(f"{path.name} holds values that are not finite")
    return data


def _seconds(series: SeriesAxis) -> float:
    """Return the step in seconds; CIFTI allows only SECOND among time units that we meet."""
    if series.unit != "SECOND":
        raise DataError(f"the series axis counts in {series.unit}, not in seconds")
    return float(series.step)


def write_dtseries(path: Path, data: np.ndarray, models: BrainModelAxis, tr_s: float) -> None:
    """Write float32 `data` (n_volumes, n_grayordinates) as a CIFTI-2 dtseries on the brain-model axis `models`."""
    series = SeriesAxis(start=0.0, step=tr_s, size=len(data), unit="SECOND")
    image = nib.Cifti2Image(np.ascontiguousarray(data, dtype=np.float32), header=(series, models))
    image.nifti_header["intent_code"] = 3002  # NIFTI_INTENT_CONNECTIVITY_DENSE_SERIES
    nib.save(image, path)
