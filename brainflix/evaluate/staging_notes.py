"""What is noted of clips on their way to a scene: codecs, rates, ranges, and what was changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from brainflix.errors import DataError, IntegrityError, UsageError
from brainflix.evaluate.clock import RATE_TOLERANCE, Timing
from brainflix.evaluate.scene import PREDICTION, TRUTH
from brainflix.io.clip_read import Clip

SIDES = (TRUTH, PREDICTION)
Unusable = DataError | IntegrityError | UsageError
Size = tuple[int, int]


@dataclass
class Said:
    """What the clips read so far said of themselves, each thing once."""

    codecs: dict[str, set[str]] = field(default_factory=lambda: {side: set() for side in SIDES})
    scales: dict[str, dict[str, str]] = field(default_factory=lambda: {side: {} for side in SIDES})
    notes: dict[str, None] = field(default_factory=dict)
    rates: list[float | None] = field(default_factory=list)
    zero_or_one: dict[str, list[bool]] = field(default_factory=dict)
    equal: list[str] = field(default_factory=list)

    def hear(self, name: str, clips: tuple[Clip, Clip]) -> None:
        """Take note of a pair."""
        for side, clip in zip(SIDES, clips, strict=True):
            self.codecs[side].add(clip.codec)
            self.hear_one(side, name, clip)

    def hear_one(self, side: str, name: str, clip: Clip) -> None:
        """Take note of a clip of one side or further set.

        Raises:
            DataError: its side has float clips in two ranges, of which one must be misread.
        """
        self.notes.update({f"{side}: {note}": None for note in clip.notes})
        self.zero_or_one.setdefault(side, []).append(int(clip.frames.max()) == 1)
        scales = self.scales.setdefault(side, {})
        if clip.scale:
            scales.setdefault(clip.scale, name)
        if len(scales) > 1:
            why = f"clip {scales['unit']} lies in [0, 1], clip {scales['byte']} in [0, 255]"
            raise DataError(f"float clips of the {side} have two ranges", why=why, next="save them as uint8")

    def close(self, n_clips: int) -> None:
        """Take note of what only all clips together show.

        Raises:
            DataError: all clips of a side hold the bytes 0 and 1, which are floats of 0 to 1 that were cut.
        """
        for side, found in self.zero_or_one.items():
            if all(found):
                why = "floats of 0 to 1 become that if they are not multiplied by 255"
                raise DataError(f"the {side} holds only the bytes 0 and 1", why=why, next="save it anew, as 0 to 255")
            if any(found):
                self.notes[f"{side}: {sum(found)} clips hold only the bytes 0 and 1, and are black to the eye"] = None
        if self.equal:
            few = f"the first is {self.equal[0]}"
            self.notes[f"prediction: {len(self.equal)} of {n_clips} clips are the truth to the byte, {few}"] = None

    def rate(self) -> float | None:
        """Return the frame rate of all compared clips, if they have one; GIFs know theirs to 10 ms."""
        known = [rate for rate in self.rates if rate is not None]
        if not known or len(known) < len(self.rates) or max(known) > (1 + RATE_TOLERANCE) * min(known):
            return None
        return float(np.median(known))


def changes(side: str, clip: Clip, timing: Timing, size: Size) -> Iterator[str]:
    """Yield what is done to a clip that changes its numbers: another size, another clock than its file's."""
    height, width = clip.frames.shape[1:3]
    if (height, width) != size:
        shape = "" if abs(width / height * size[0] / size[1] - 1) <= 0.01 else ", another aspect ratio"
        yield f"{side}: resized from {width}x{height} to {size[1]}x{size[0]}{shape}"
    own = Timing(len(clip.frames), clip.starts_s).fps_hz
    given = timing.fps_hz
    if own is not None and given is not None and abs(given / own - 1) > RATE_TOLERANCE:
        yield f"{side}: taken to have {given:g} frames per second as asked, its files say {own:g}"


def named(error: Unusable, name: str) -> Unusable:
    """Return the error with the clip's name, unless it has it already."""
    is_there = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error.what)
    what = error.what if is_there else f"clip {name}: {error.what}"
    return type(error)(what, why=error.why, next=error.next)
