"""What remains of a subject after preprocessing: refused where it is nothing, and what does not count is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.errors import DataError
from brainflix.parts.contract import Notes
from brainflix.store.responses import Responses

# What a part notes under these names is said on the terminal as well.
_SAID = {"copied_repeats": "copies do not count", "constant_runs": "constant, so that they hold nothing"}


def lines_of(notes: Notes) -> list[str]:
    """Return a line for each kind of presentation that does not count."""
    found = {meaning: notes.get(name) for name, meaning in _SAID.items()}
    return [f"{meaning}: {', '.join(map(str, each))}" for meaning, each in found.items() if isinstance(each, Sequence)]


def check_selected(made: Responses, who: str) -> None:
    """Refuse responses that leave nothing to decode from, to learn from or to test.

    Raises:
        DataError: no grayordinate is selected, or no row answers a training clip, or no test clip of the table.
    """
    if not made.masks["selected"].any():
        raise DataError(
            f"0 of {made.n_grayordinates} grayordinates of {who} are selected",
            why="none passes the rule of the recipe",
            next="look at the runs, or choose another rule: brainflix list parts preprocess",
        )
    answered = np.unique(made.clip)
    for split in ("train", "test"):
        clips = made.clips.of(split)
        if len(clips) and not np.isin(clips, answered).any():
            raise DataError(
                f"{who} has 0 rows for the {len(clips)} clips of the split {split!r}",
                why="no run that counts answers any of them",
                next="look at the subject's runs and where they come from: brainflix store show raw/NAME",
            )
