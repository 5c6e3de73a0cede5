"""One exception tree: what happened, why, and the command to run next. Each class has an exit code."""

from __future__ import annotations


class BrainflixError(Exception):
    """Base of every error that brainflix raises on purpose.

    Args:
        what: one clause saying what happened.
        why: the reason, if it is known and not obvious.
        next: the command or action that gets the user further.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.next = what, why, next

    def __str__(self) -> str:
        """Return the whole message as one sentence or two."""
        advice = f" Next: {self.next}" if self.next else ""
        return f"{self.clause}.{advice}"

    @property
    def clause(self) -> str:
        """What happened and why, without an end, to be said inside another sentence."""
        return self.what + (f" ({self.why})" if self.why else "")


class UsageError(BrainflixError):
    """The request itself is wrong: an unknown name, a bad value, a recipe that does not parse."""

    exit_code = 2


class MissingError(BrainflixError):
    """Data, weights or an artifact that the request needs are not there."""

    exit_code = 3


class DataError(BrainflixError):
    """Data are there but cannot be used: wrong shape, wrong space, not finite."""

    exit_code = 3


class IntegrityError(BrainflixError):
    """Bytes are not what they should be: torn, changed, forged."""

    exit_code = 4


class ResourceError(BrainflixError):
    """The machine cannot do it: memory, disk, permission, accelerator."""

    exit_code = 5


class Interrupted(BrainflixError):
    """Somebody stopped the work; `why` says what is kept of it."""

    exit_code = 130


class Ignored(UserWarning):
    """Something that was given and has no effect; the message names it."""


class Renamed(FutureWarning):
    """A name that is still read and will not be for ever; the message says the new one."""
