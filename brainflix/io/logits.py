"""Read class scores, or features, that a network gave to clips elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.io.ids import names_of
from brainflix.io.npz import read_npz
from brainflix.store.checks import check_finite

_AXES = {2: "(n_clips, n_values)", 3: "(n_clips, n_frames, n_values)"}


def read_logits(path: Path, clip_ids: Sequence[str]) -> NDArray[Any]:
    """Read logits of clips, (n_clips, n_classes), or of their frames, (n_clips, n_frames, n_classes).

    Args:
        path: an .npz file of one array and, optionally, `ids` that name its rows.
        clip_ids: the clips whose rows are wanted; without `ids` the rows must be theirs, in this order.

    Returns:
        Array of shape (len(clip_ids), n_classes) or (len(clip_ids), n_frames, n_classes).

    Raises:
        MissingError: no such file.
        DataError: it holds something else, other clips, or values that are NaN or infinite.
        IntegrityError: it is no npz of plain arrays, or unpacks to far more than its size.
    """
    return _read_rows(path, clip_ids, (2, 3))


def read_features(path: Path, clip_ids: Sequence[str]) -> NDArray[Any]:
    """Read features of clips, (n_clips, n_dims); arguments and errors as of `read_logits`."""
    return _read_rows(path, clip_ids, (2,))


def _read_rows(path: Path, clip_ids: Sequence[str], axes: tuple[int, ...]) -> NDArray[Any]:
    arrays = read_npz(path)
    need = " or ".join(_AXES[n] for n in axes)
    ids = arrays.pop("ids", None)
    if len(arrays) != 1:
        raise DataError(f"{path.name} holds {len(arrays)} arrays beside ids", why=f"need one {need}")
    (values,) = arrays.values()
    if values.ndim not in axes or values.dtype.kind not in "iuf":
        raise DataError(f"{path.name} holds {values.dtype} of shape {values.shape}", why=f"need numbers, {need}")
    # What overflowed float16 is infinite, and no one knows any more which class was best.
    check_finite(path.name, values)
    names = list(clip_ids) if ids is None else names_of(ids, path)
    if len(names) != len(values) or len(set(names)) != len(names):
        why = f"there are {len(names)} ids" if ids is not None else f"there are {len(names)} clips"
        raise DataError(f"{path.name} has {len(values)} rows", why=why)
    row = {name: number for number, name in enumerate(names)}
    if missing := [name for name in clip_ids if name not in row]:
        raise DataError(f"{path.name} lacks clip {missing[0]}", why=f"{len(missing)} of {len(clip_ids)} are missing")
    rows = [row[name] for name in clip_ids]
    # Class scores of frames are large, and mostly in this order already.
    return np.asarray(values if rows == list(range(len(values))) else values[rows])
