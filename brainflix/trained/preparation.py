"""How raw rows become a trained network's input."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from brainflix.errors import DataError
from brainflix.models.patches import pad_to_patches

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Preparation:
    """How raw rows become the network's input; frozen on train rows so that test rows are scaled by them too.

    Attributes:
        n_columns: grayordinates of a raw row.
        patch_size: columns are wrap-padded to multiples of it.
        legacy_pad: pad as the released code does.
        mean: scalar mean of the padded train rows.
        std: scalar population standard deviation of the padded train rows.
    """

    n_columns: int
    patch_size: int
    legacy_pad: bool
    mean: float
    std: float

    def apply(self, rows: Array) -> npt.NDArray[np.float32]:
        """Pad and scale rows of shape (n, n_columns) to (n, L P) float32.

        Raises:
            DataError: another number of columns, or values that are not finite.
        """
        check_rows(rows)
        if rows.shape[1] != self.n_columns:
            raise DataError(f"rows have {rows.shape[1]} grayordinates, the network was trained on {self.n_columns}")
        scaled = pad_to_patches(rows, self.patch_size, self.legacy_pad) - np.float32(self.mean)
        scaled /= np.float32(self.std)
        return cast("npt.NDArray[np.float32]", scaled.astype(np.float32, copy=False))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for a config.json."""
        return asdict(self)


def check_rows(rows: Array) -> None:
    """Refuse rows that are not a finite, non-empty matrix (n_rows, n_grayordinates).

    Raises:
        DataError: wrong number of dimensions, no row, NaN or infinity.
    """
    if rows.ndim != 2 or 0 in rows.shape:
        raise DataError(f"rows must be a matrix (n_rows, n_grayordinates), not of shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise DataError("rows hold NaN or infinity", next="mask those grayordinates in preprocess")
