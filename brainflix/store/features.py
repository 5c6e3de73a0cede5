"""Features: what is known of each clip already, as numbers with a name for each dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.store.checks import check_ids, check_length, set_fields


@dataclass(frozen=True, eq=False)
class Features:
    """Described clips: `values` (n_clips, n_dims) float32 in the table's order of clips, and `names` of the dimensions.

    `about` says in one line what they are. A value that is not known is NaN; who uses it says what becomes of the clip.

    Raises:
        DataError: not a table, another number of names, or a name is empty or double.
    """

    values: np.ndarray[Any, Any]
    names: tuple[str, ...]
    about: str = ""

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, values=np.asarray(self.values, np.float32), names=tuple(str(name) for name in self.names))
        if self.values.ndim != 2:
            raise DataError("features must be (n_clips, n_dims)", why=f"their shape is {self.values.shape}")
        check_length("names of dimensions", self.names, self.values.shape[1], "dimensions")
        check_ids("names of dimensions", self.names)
