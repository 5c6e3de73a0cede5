"""Where clips stand in an artifact, with a sentence for those that it does not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.errors import DataError
from brainflix.store.artifact import Artifact
from brainflix.store.clips import Clips
from brainflix.store.schema import Targets
from brainflix.wording import count


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
            why=f"{len(missing)} of {count(len(wanted), 'wanted clip')} missing; "
            f"it is of {count(len(known), 'clip')}{example}",
            next="use reconstruct.split=test (decoders predict test clips only), or inputs that hold these clips",
        )
    return np.array([place[clip_id] for clip_id in wanted], np.int64)


def targets_about(clips: Clips, targets: Sequence[Targets], artifact: Artifact) -> int:
    """Return the place of those among the targets of several data sets that are about the same clips.

    Args:
        clips: the clips of the responses.
        targets: one for each data set.
        artifact: what the responses come from, for the message.

    Raises:
        DataError: none of them is.
    """
    for place, target in enumerate(targets):
        if clips.ids == target.clips.ids:
            return place
    raise DataError(f"{artifact.ref} and the targets are not about the same clips")
