"""Which grayordinates lie in chosen areas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.preprocess.areas import _without_hemisphere


def mask_of(areas: Sequence[str] | NDArray[np.str_], chosen: Iterable[str]) -> NDArray[np.bool_]:
    """Return which grayordinates lie in the chosen areas, both hemispheres unless one is asked for.

    Args:
        areas: area name of each grayordinate, length n_grayordinates: "V1", or "L_V1" with the hemisphere; "" where
            there is none.
        chosen: names of areas. "V1" takes both hemispheres; "L_V1" takes one and needs `areas` with hemispheres.

    Returns:
        Mask of shape (n_grayordinates,); `np.flatnonzero` of it is the ascending order used for extraction.

    Raises:
        DataError: if a chosen area occurs nowhere in `areas`.
    """
    names, inverse = np.unique(np.asarray(areas, dtype=np.str_), return_inverse=True)
    wanted = set(chosen)
    hits = [{str(name), _without_hemisphere(str(name))} & wanted for name in names]
    missing = wanted.difference(*hits)
    if missing:
        absent = ", ".join(sorted(missing))
        raise DataError(f"no grayordinate lies in {absent}", why="the data may be cut to other areas")
    return np.array([bool(hit) for hit in hits], np.bool_)[inverse]
