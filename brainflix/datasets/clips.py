"""The table of clips of a dataset in CC2017's layout: ids, segments, onsets, splits, captions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017_layout import CAPTIONS, find_segments, is_test
from brainflix.errors import DataError, MissingError
from brainflix.store.schema import Clips

TRAIN, VALIDATION, TEST = 0, 1, 2


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Read the clip table of the raw stimuli; the last training segment is the validation split.

    Raises:
        MissingError: no captions file.
        DataError: captions and videos do not name the same segments.
    """
    path = raw / CAPTIONS
    if not path.is_file():
        raise MissingError(f"no captions at {CAPTIONS}", next="brainflix download")
    captions: dict[str, list[str]] = json.loads(path.read_text())
    segments = find_segments(raw)
    if set(captions) != set(segments):
        raise DataError("captions and videos name different segments", why=str(sorted(set(captions) ^ set(segments))))
    last = [segment for segment in segments if not is_test(segment)][-1]
    rows = [(segment, i) for segment in segments for i in range(len(captions[segment]))]
    split = [TEST if is_test(s) else VALIDATION if s == last else TRAIN for s, _ in rows]
    return Clips(
        ids=tuple(f"{segment}_{i + 1:03d}" for segment, i in rows),
        segment=tuple(segment for segment, _ in rows),
        onset_s=np.array([i * clip_s for _, i in rows]),
        split=np.array(split, dtype=np.int8),
        caption=tuple(captions[segment][i] for segment, i in rows),
    )
