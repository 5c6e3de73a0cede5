"""The table from exceptions to one sentence and an exit code.

0 ok, 1 unexpected, 2 usage, 3 data or weights missing, 4 integrity, 5 resources, 130 interrupted, 141 nobody reads.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from brainflix.cli.output import without_secrets
from brainflix.errors import BrainflixError, Interrupted
from brainflix.store.disk import DISK_IS_FULL, reason_of, resource_error
from brainflix.store.refusals import refusal
from brainflix.wording import shortened

# 128 and the signal's number, as shells count: SIGINT, SIGPIPE.
INTERRUPTED, CLOSED_PIPE = 130, 141
_UNEXPECTED, _USAGE, _RESOURCES = 1, 2, 5
_MOST_LETTERS = 1000
_MEMORY_ADVICE = (
    "set BRAINFLIX_CLIPS_PER_BATCH to a smaller number, or --precision bfloat16, or --attention auto, and run again"
)


@dataclass(frozen=True)
class Failure:
    """What to tell the user, and the exit code.

    Attributes:
        what, why, next: what happened, the reason if it is known, what gets the user further.
        code: the exit code.
        is_error: whether something went wrong; not so where the user stopped it.
    """

    what: str
    why: str
    next: str
    code: int
    is_error: bool = True

    @property
    def text(self) -> str:
        """The whole message on one line."""
        because = f" ({self.why})" if self.why else ""
        ending = "" if f"{self.what}{because}".endswith("?") else "."
        advice = f" Next: {self.next}" if self.next else ""
        return f"{'Error: ' if self.is_error else ''}{self.what}{because}{ending}{advice}"

    def document(self) -> dict[str, Any]:
        """Return what `--json` prints under `error`."""
        fields = {"what": self.what, "why": self.why, "next": self.next}
        return {
            "message": without_secrets(self.text),
            **{name: without_secrets(text) for name, text in fields.items()},
            "exit_code": self.code,
        }


def explain(error: BaseException) -> Failure:
    """Return the sentence and the exit code of an exception: the first row of the table that fits."""
    return next(tell(error) for fits, tell in _TABLE if fits(error))


def interrupted() -> Failure:
    """Return what is said after Ctrl-C."""
    return Failure("Interrupted", "", "run the same command again; what is finished is kept", INTERRUPTED, False)


def no_stdout(error: OSError) -> Failure:
    """Return what is said where the document found no place at the end of stdout."""
    advice = "see where stdout leads, and run the same command again"
    return Failure("could not write to stdout", reason_of(error), advice, _RESOURCES)


def is_closed_pipe(error: BaseException) -> bool:
    """Say whether an exception means that nobody reads any more what the command prints on stdout.

    A pipe to another process, or stderr, may break as well, and that has to be told. So stdout itself is asked: the
    system reports an error on the writing end of a pipe that has no reader (poll(2), POLLERR).
    """
    if not isinstance(error, BrokenPipeError):
        return False
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _usage(error: Any) -> Failure:
    """Put Typer's message, its hint and the command's own help into one sentence."""
    # `Possible options` is how Typer hands over its near matches; they are turned into our words.
    near = [f"'{each}'" for each in getattr(error, "possibilities", None) or ()]
    text = str(error.message if near else error.format_message()).strip().rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "brainflix"
    why = f"did you mean {' or '.join(near)}?" if near else ""
    return Failure(_brief(text), why, f"{command} --help", _USAGE if error.exit_code == 1 else error.exit_code)


def _own(error: Any) -> Failure:
    return Failure(_brief(error.what), _brief(error.why), _brief(error.next), error.exit_code)


def _interrupted(error: Any) -> Failure:
    return Failure(error.what, error.why, error.next, error.exit_code, False)


def _aborted(error: BaseException) -> Failure:
    return Failure("Stopped: nothing was changed", "", "", INTERRUPTED, False)


def _memory(error: BaseException) -> Failure:
    first = (str(error).splitlines() or [""])[0].rstrip(".")
    return Failure("out of memory", _brief(first), _MEMORY_ADVICE, _RESOURCES)


def _refused(error: BaseException) -> Failure:
    """Tell what the operating system refused, where, and how much room there is."""
    found = refusal(error)
    assert found is not None
    named = found.filename if isinstance(found.filename, (str, bytes)) else None
    # Whoever writes without a name: the folder of this run, since what goes to the store has told its own.
    if named is None:
        return _own(resource_error(found, _here(), "write, working in"))
    doing = "write" if found.errno in DISK_IS_FULL else "use"
    return _own(resource_error(found, Path(os.fsdecode(named)), doing))


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:
        # Deleted while the command ran.
        return Path(".")


def _unexpected(error: BaseException) -> Failure:
    message = _brief(" ".join(str(error).split()))
    name = type(error).__name__
    return Failure(f"{name}{f': {message}' if message else ''}", "", "run again with --debug", _UNEXPECTED)


def _brief(text: str) -> str:
    """Return a clause of bounded length: what came from a file may be of any."""
    return shortened(text, _MOST_LETTERS)


def _is_out_of_memory(error: BaseException) -> bool:
    # By name and text, so that torch is not imported to explain an error that has nothing to do with it.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _is_refused(error: BaseException) -> bool:
    return refusal(error) is not None


def _is(kind: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, kind)


# Ordered: what is more special comes first.
_TABLE: tuple[tuple[Callable[[BaseException], bool], Callable[[Any], Failure]], ...] = (
    (_is(Interrupted), _interrupted),
    (_is_refused, _refused),
    (_is(BrainflixError), _own),
    (_is(KeyboardInterrupt), lambda error: interrupted()),
    (_is(typer.Abort), _aborted),
    (_is(typer.TyperException), _usage),
    (_is_out_of_memory, _memory),
    (_is(BaseException), _unexpected),
)
