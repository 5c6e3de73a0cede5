"""How long a count still takes, judged by its last items."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise

from brainflix.wording import format_seconds

# Items whose time counts, the last ones. Those that take less than this share of the longest of them were there before,
# as after a stopped run, and say nothing of the others.
_RECENT, _AT_ONCE = 8, 0.05


class Pace:
    """The pace of a count of `total` items, or of nobody knows how many.

    Its text is the time that is left, counted down between items: a progress bar asks for it anew at every refresh.
    """

    def __init__(self, total: int | None, now: float) -> None:
        """Start to count at the time `now`, in seconds of the monotonic clock."""
        self.total, self.done = total, 0
        self._times = deque([now], maxlen=_RECENT + 1)

    def step(self, now: float) -> None:
        """Count one item that was done at the time `now`."""
        self.done += 1
        self._times.append(now)

    def left_s(self, now: float) -> float | None:
        """Return the seconds that the other items will take; None before the first is done, or without a total."""
        if self.total is None or not self.done:
            return None
        # At once: a progress bar asks in a thread of its own.
        times = tuple(self._times)
        spans = [later - earlier for earlier, later in pairwise(times)]
        worked = [span for span in spans if span >= _AT_ONCE * max(spans)]
        each = sum(worked) / len(worked)
        return max(0.0, (self.total - self.done) * each - (now - times[-1]))

    def __str__(self) -> str:
        """Return the time that is left now, for people, or nothing where it is not known."""
        left = self.left_s(time.monotonic())
        return "" if left is None else f"{format_seconds(left)} left"
