"""The table of clips of a dataset in CC2017's layout: ids, segments, onsets, splits, captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.layout import CAPTIONS, film_path, find_segments, is_test
from brainflix.errors import DataError
from brainflix.io.texts import read_json
from brainflix.io.video import duration_s
from brainflix.store.clips import Clips

TRAIN, VALIDATION, TEST = 0, 1, 2


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Read the clip table of the raw stimuli; the last training segment is the validation split.

    Captions come from `Stimuli/captions.json` (segment -> one text for each clip). The published files have none: then
    they are empty, and a film has as many clips as fit into its length.

    Raises:
        MissingError: no films.
        IntegrityError: the captions are no JSON.
        DataError: captions and videos do not name the same segments, no two are for training, or one has no clip.
    """
    captions = _captions(raw, clip_s)
    segments = list(captions)
    training = [segment for segment in segments if not is_test(segment)]
    if len(training) < 2:
        raise DataError(
            "0 clips are for training",
            why=f"the last training segment validates, and there are {len(training)}",
            next="bring the films of more training segments",
        )
    if empty := [segment for segment in segments if not captions[segment]]:
        raise DataError(f"{empty[0]} has 0 clips", why=f"its film is shorter than {clip_s:g} s", next="fetch it again")
    last = training[-1]
    rows = [(segment, i) for segment in segments for i in range(len(captions[segment]))]
    split = [TEST if is_test(s) else VALIDATION if s == last else TRAIN for s, _ in rows]
    return Clips(
        ids=tuple(f"{segment}_{i + 1:03d}" for segment, i in rows),
        segment=tuple(segment for segment, _ in rows),
        onset_s=np.array([i * clip_s for _, i in rows]),
        split=np.array(split, dtype=np.int8),
        caption=tuple(captions[segment][i] for segment, i in rows),
    )


def _captions(raw: Path, clip_s: float) -> dict[str, list[str]]:
    """Return a text for each clip of each segment, in the order of segments."""
    segments = find_segments(raw)
    path = raw / CAPTIONS
    if not path.is_file():
        # A film that lasts a frame less than it should has all its clips.
        return {each: [""] * int(duration_s(film_path(raw, each)) / clip_s + 0.05) for each in segments}
    captions = read_json(path)
    if not isinstance(captions, dict) or not all(isinstance(texts, list) for texts in captions.values()):
        raise DataError(f"{path.name} is no table from segments to captions")
    if set(captions) != set(segments):
        raise DataError("captions and videos name different segments", why=str(sorted(set(captions) ^ set(segments))))
    return {each: captions[each] for each in segments}
