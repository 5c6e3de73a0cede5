"""Where clips stand in an artifact, with a sentence for those that it does not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.errors import DataError
from brainflix.store.artifact import Artifact


def find_clips(artifact: Artifact, known: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Return the index of each wanted clip, int64 of shape (n_wanted,).

    Args:
        artifact: whose clips are looked up; it is named if one is missing.
        known: ids of its clips.
        wanted: ids to find.

    Raises:
        DataError: a clip is not there; the first one and the artifact are named.
    """
    place = {clip_id: i for i, clip_id in enumerate(known)}
    missing = [clip_id for clip_id in wanted if clip_id not in place]
    if missing:
        example = f", such as {known[0]!r}" if known else ""
        raise DataError(
            f"{artifact.ref} holds nothing for clip {missing[0]!r}",
            why=f"{len(missing)} of {len(wanted)} wanted clips are missing; it is of {len(known)} clips{example}",
            next="use reconstruct.split=test (decoders predict test clips only), or inputs that hold these clips",
        )
    return np.array([place[clip_id] for clip_id in wanted], np.int64)
