"""Pictures of the flattened cortex: cropped to visual cortex, resized, and as columns and back (as in GLFA)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

_MARGIN_X, _MARGIN_Y = 1, 10


def crop_box(inside: NDArray[np.bool_], *, ignore_first: bool = False) -> tuple[slice, slice]:
    """Return the rows and columns around a mask (height, width), one column and ten rows wider on each side.

    Args:
        inside: pixels of visual cortex.
        ignore_first: as the released code, which takes coordinates of 0 for "outside": pixels in the first row or
            column do not count for the smallest one.

    Raises:
        DataError: the mask is empty.
    """
    rows, columns = np.nonzero(inside)
    if not rows.size:
        raise DataError("the mask of visual cortex is empty")
    low = [each[each > 0] if ignore_first and (each > 0).any() else each for each in (rows, columns)]
    top, bottom = max(int(low[0].min()) - _MARGIN_Y, 0), min(int(rows.max()) + _MARGIN_Y, inside.shape[0])
    left, right = max(int(low[1].min()) - _MARGIN_X, 0), min(int(columns.max()) + _MARGIN_X, inside.shape[1])
    # Both ends belong to the crop.
    return slice(top, bottom + 1), slice(left, right + 1)


def resized_mask(inside: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Return a cropped mask as (size, size), each pixel by its nearest."""
    resized = cv2.resize(inside.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, bool)


def to_columns(frames: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Resize cropped pictures (n, height, width) bilinearly and return the pixels inside a mask, (n, n_pixels).

    Args:
        frames: pictures.
        mask: of the resized pictures, (size, size); its pixels are the columns, in C order.
    """
    out = np.empty((len(frames), int(mask.sum())), np.float32)
    for place, frame in enumerate(frames):
        out[place] = cv2.resize(np.asarray(frame, np.float32), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)[mask]
    return out
