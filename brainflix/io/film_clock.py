"""When each frame of a video is on screen: its own time stamps decide, never an average rate.

A film whose frames come at a constant rate is counted by that rate, so that its frames are the same whatever its
container rounds stamps to. Any other is laid on a grid on which every frame lies, and a frame that is held fills as
many places as it lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
# A grid for films whose frames lie on no coarser one; players are no more exact than this.
FINEST_HZ = 1000
# Stamps may be off by one tick of their clock, but by no more than this part of a frame.
_LOOSE = 0.25


@dataclass(frozen=True)
class FilmClock:
    """The clock of one video.

    Attributes:
        starts_s: when each frame starts, ascending, in seconds of the container's own clock.
        last_s: how long the last frame is shown, in seconds.
        rate_hz: places of the grid in a second.
        is_constant: whether each frame has one place of the grid.
    """

    starts_s: tuple[Fraction, ...]
    last_s: Fraction
    rate_hz: Fraction
    is_constant: bool

    @property
    def duration_s(self) -> float:
        """How long the frames last, in seconds."""
        if self.is_constant:
            return len(self.starts_s) / float(self.rate_hz)
        return float(self.starts_s[-1] + self.last_s - self.starts_s[0])

    def place(self, seconds: Fraction) -> int:
        """Return the place of the grid that is nearest to a time from the first frame's start."""
        return int(np.floor(float(seconds * self.rate_hz) + 0.5))


def read_clock(
    stamps: Sequence[int], tick_s: Fraction, last: int | None, rates_hz: Iterable[Fraction | None]
) -> FilmClock | None:
    """Find the clock of frames, or None where a single frame leaves its rate open.

    Args:
        stamps: when each frame starts, ascending, in ticks.
        tick_s: length of a tick in seconds.
        last: how long the last frame is shown, in ticks; None if unknown.
        rates_hz: rates that the container names; the first that fits all stamps is the grid.
    """
    starts = tuple(stamp * tick_s for stamp in stamps)
    named = [rate for rate in rates_hz if rate]
    if len(stamps) == 1:
        if not named and not last:
            return None
        rate = named[0] if named else 1 / (Fraction(last or 1) * tick_s)
        held = Fraction(last) * tick_s if last else 1 / rate
        return FilmClock(starts, held, rate, abs(held * rate - 1) <= _LOOSE + tick_s * rate)
    mean = Fraction(len(stamps) - 1) / (starts[-1] - starts[0])
    shortest = min(b - a for a, b in pairwise(starts))
    from_first = np.array([float(start - starts[0]) for start in starts])
    for rate in (*named, mean, 1 / shortest, Fraction(FINEST_HZ)):
        places = _places(from_first, rate, float(tick_s))
        if rate == FINEST_HZ or (places is not None and rate <= FINEST_HZ):
            break
    step = max(shortest, 1 / rate) if places is None else 1 / rate
    held = Fraction(last) * tick_s if last else step
    steady = places is not None and np.array_equal(places, np.arange(len(stamps)))
    as_others = held < (1 + Fraction(_LOOSE)) * step + tick_s
    return FilmClock(starts, held, rate, bool(steady and as_others))


def on_grid(frames: Iterable[tuple[Item, Fraction]], clock: FilmClock) -> Iterator[Item]:
    """Yield the frame that is on screen at each place of the grid, from the first frame that comes.

    Args:
        frames: each with its start in seconds of the container's clock, ascending.
        clock: of the video.
    """
    origin, due, held, last = Fraction(0), 0, None, Fraction(0)
    for frame, start in frames:
        if held is None:
            origin = start
        elif clock.is_constant:
            yield held
        else:
            at = clock.place(start - origin)
            yield from (held for _ in range(due, at))
            due = max(due, at)
        held, last = frame, start
    if held is not None:
        end = due + 1 if clock.is_constant else clock.place(last + clock.last_s - origin)
        yield from (held for _ in range(due, max(end, due + 1)))


def _places(from_first: NDArray[np.float64], rate_hz: Fraction, tick_s: float) -> NDArray[np.int64] | None:
    """Return the place (n,) of each start on the grid of a rate, or None if they do not lie on it."""
    rate = float(rate_hz)
    places = np.rint(from_first * rate)
    slack = min(tick_s * 1.001, _LOOSE / rate) + 1e-9
    if (np.abs(from_first - places / rate) > slack).any() or (np.diff(places) < 1).any():
        return None
    return places.astype(np.int64)
