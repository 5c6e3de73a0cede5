"""Numbers in the names of a clip's frames: one that is missing shifts every frame after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from brainflix.errors import DataError

_NUMBER = re.compile(r"(\d+)")
# Frames that were spread over a film and rounded are so much unevenly numbered.
_UNEVEN = 2


def check_numbers(stems: Sequence[str], clip: str) -> None:
    """Refuse frames whose numbers leave a gap, or meet, and pictures that are not numbered like the others.

    Args:
        stems: names of a clip's frames without extension, in order.
        clip: its name, for messages.

    Raises:
        DataError: they do; the number is named.
    """
    parts = [_NUMBER.split(stem) for stem in stems]
    if all(len(each) == 1 for each in parts):
        return
    texts = [tuple(each[::2]) for each in parts]
    odd = [stem for stem, text in zip(stems, texts, strict=True) if text != max(set(texts), key=texts.count)]
    if odd:
        what = f"{clip} holds pictures that are not numbered like its frames"
        raise DataError(what, why=f"the first is {odd[0]}", next="keep only the frames in it")
    columns = zip(*(each[1::2] for each in parts), strict=True)
    varying = [sorted(int(text) for text in column) for column in columns if len(set(column)) > 1]
    if len(varying) == 1:
        _check_steps(varying[0], clip)


def _check_steps(numbers: list[int], clip: str) -> None:
    steps = [after - before for before, after in pairwise(numbers)]
    if min(steps) == 0:
        raise DataError(f"{clip} holds two frames of number {numbers[steps.index(0)]}", next="keep one of them")
    wide = next((place for place, step in enumerate(steps) if step >= _UNEVEN * min(steps)), None)
    if wide is not None:
        missing = f"{numbers[wide] + min(steps)}, between {numbers[wide]} and {numbers[wide + 1]}"
        advice = "bring the frame, or number the others without a gap"
        raise DataError(f"{clip} lacks frame {missing}", why="its numbers leave a gap", next=advice)
