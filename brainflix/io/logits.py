"""Read class scores that a classifier gave to clips elsewhere."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, MissingError


def read_logits(path: Path, clip_ids: Sequence[str]) -> NDArray[Any]:
    """Read logits from an npz with one array (n_clips, n_classes) and, optionally, `ids` that name its rows.

    Args:
        path: an .npz file.
        clip_ids: the clips whose rows are wanted; without `ids` the rows must be theirs, in this order.

    Returns:
        Array of shape (len(clip_ids), n_classes).

    Raises:
        MissingError: no such file.
        DataError: it holds something else, or other clips.
    """
    if not path.is_file():
        raise MissingError(f"no logits at {path}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read {path.name}", why=f"no npz of plain arrays: {error}") from error
    ids = arrays.pop("ids", None)
    if len(arrays) != 1:
        raise DataError(f"{path.name} holds {len(arrays)} arrays beside ids", why="need one (n_clips, n_classes)")
    (logits,) = arrays.values()
    if logits.ndim != 2 or not np.issubdtype(logits.dtype, np.number) or np.isnan(logits).any():
        what = f"{path.name} holds {logits.dtype} of shape {logits.shape}"
        raise DataError(what, why="need numbers without NaN, (n_clips, n_classes)")
    names = list(clip_ids) if ids is None else [str(name) for name in ids]
    if len(names) != len(logits) or len(set(names)) != len(names):
        why = f"there are {len(names)} ids" if ids is not None else f"there are {len(names)} clips"
        raise DataError(f"{path.name} has {len(logits)} rows", why=why)
    row = {name: number for number, name in enumerate(names)}
    if missing := [name for name in clip_ids if name not in row]:
        raise DataError(f"{path.name} lacks clip {missing[0]}", why=f"{len(missing)} of {len(clip_ids)} are missing")
    return np.asarray(logits[[row[name] for name in clip_ids]])
