"""When a file is given up: a server may break off, change the file or be slow, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from brainflix.errors import MissingError
from brainflix.io.fetch.addresses import shown
from brainflix.wording import format_bytes

#: What comes slower than this over the whole time of patience is given up.
SLOWEST_BYTES_PER_S = 1024


@dataclass
class Patience:
    """What one file was given so far.

    Attributes:
        url: its address.
        part: where it grows.
        retries: how often it may break off without a byte of progress, and how often it may start from the beginning.
        patience_s: how long it may come slower than `SLOWEST_BYTES_PER_S`, waits included that no server asked for.
        clock: gives seconds.
    """

    url: str
    part: Path
    retries: int
    patience_s: float
    clock: Callable[[], float] = time.monotonic
    breaks: int = 0
    _restarts: int = 0
    _came: int = 0
    _since: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._since = self.clock()

    def came(self, count: int) -> None:
        """Count bytes.

        Raises:
            MissingError: they have come too slowly for too long.
        """
        self._came += count
        passed = self.clock() - self._since
        if passed < self.patience_s:
            return
        if self._came < passed * SLOWEST_BYTES_PER_S:
            slow = f"it came slower than {SLOWEST_BYTES_PER_S} bytes a second for {self.patience_s:g} s"
            raise self._given_up(f"{slow}, setting fetch_patience_s")
        self._since, self._came = self.clock(), 0

    def broke(self, why: str, *, progressed: bool) -> None:
        """Count that the transfer broke off.

        Raises:
            MissingError: too often without progress, or too slowly for too long.
        """
        self.breaks = 1 if progressed else self.breaks + 1
        if self.breaks > self.retries:
            raise self._given_up(f"{why}; asked {self.retries + 1} times, setting fetch_retries")
        self.came(0)

    def restarted(self, why: str) -> None:
        """Count that what is here is of no use, so that the file has to be fetched from the beginning.

        Raises:
            MissingError: too often.
        """
        self._restarts += 1
        if self._restarts > self.retries:
            again = f"it started from the beginning {self.retries} times, setting fetch_retries"
            raise self._given_up(f"it changes all the time: {why}; {again}")

    def excuse(self, seconds: float) -> None:
        """Leave a wait out that the server asked for."""
        self._since += seconds

    def _given_up(self, why: str) -> MissingError:
        size = self.part.stat().st_size if self.part.is_file() else 0
        kept = f"; {format_bytes(size)} are kept in {self.part.name}" if size else ""
        return MissingError(f"cannot fetch {shown(self.url)}", why=f"{why}{kept}", next="the same command again, later")
