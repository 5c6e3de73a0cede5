"""One sink for everything that a command prints: data on stdout, talk on stderr, in the mode that the user chose."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from brainflix.cli.pace import Pace
from brainflix.errors import Ignored, Renamed, UsageError
from brainflix.store.disk import resource_error
from brainflix.wording import format_bytes, format_seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

LINE_EVERY_S = 30.0
# Where nobody looks at a terminal, a table is as wide as its text; refs must never be cut.
_ANY_WIDTH = 10_000
# A bar leaves room for the longest names, counts and times in a terminal of 80 columns.
_BAR_WIDTH = 16
# What a terminal obeys or hides instead of showing it: controls of both sets, breaks of lines, changes of direction,
# marks without width, halves of a character (Unicode 16, categories Cc, Cf, Cs, Zl and Zp).
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SECRET_NAME = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|SECRET_ACCESS_KEY|ALGONAUTS2021_LINK)$", re.IGNORECASE)
# Shorter ones would take words out of sentences.
_SHORTEST_SECRET = 8
_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]+@")
_HIDDEN = "***"
# What `--json` prints, held until the command has ended; None where nobody holds it.
_held: dict[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """A table for people: columns, rows of text, an optional title, and which columns hold numbers."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    title: str = ""
    numbers: frozenset[str] = frozenset()


def shown(text: str) -> str:
    """Return a text as it is shown to people: on one line, nothing in it that a terminal obeys, no secret."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), without_secrets(text))


def without_secrets(text: str) -> str:
    """Return a text without the tokens and passwords of the environment, and without the logins of addresses."""
    values = {value.strip() for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    for secret in sorted(values, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return _LOGIN.sub(f"{_HIDDEN}@", text)


def write_file(path: Path, text: str) -> None:
    """Write what a command was asked to leave in a file; where that fails, what was there before stays.

    Raises:
        ResourceError: the file cannot be written.
    """
    final = path.resolve()
    # A pipe or a terminal is written to, and never replaced.
    replaces = final.is_file() or not final.exists()
    new = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part") if replaces else final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        if replaces:
            os.replace(new, final)
    except OSError as error:
        raise resource_error(error, path, "write") from error
    finally:
        if replaces:
            with suppress(OSError):
                new.unlink()


class Output:
    """The sink: `human` (tables and talk), `json` (one document) or `quiet` (bare lines). Also a stage's `Progress`."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        """Take the mode.

        Raises:
            UsageError: both were asked for.
        """
        if json and quiet:
            raise UsageError("--json and --quiet exclude each other", why="one prints a document, the other bare lines")
        self.mode = "json" if json else "quiet" if quiet else "human"
        self._bars: Bars | None = None
        self._work = ""

    def result(
        self, document: Mapping[str, Any], *, lines: Sequence[str] = (), tables: Sequence[Table] | None = None
    ) -> None:
        """Print a command's data on stdout.

        Args:
            document: what `--json` prints.
            lines: what `--quiet` prints, and people where there are no tables.
            tables: what people get.
        """
        if self.mode == "json":
            _hold_or_write(document)
        elif self.mode == "human" and tables is not None:
            for table in tables:
                self._print(table)
        else:
            # Scripts get names as they are, people on a terminal get them escaped.
            as_it_is = self.mode == "quiet" and not sys.stdout.isatty()
            for line in lines:
                _write(sys.stdout, without_secrets(line) if as_it_is else shown(line))

    def say(self, text: str) -> None:
        """Say one line on stderr, to people only."""
        if self.mode != "human":
            return
        if self._bars is not None:
            self._bars.console.print(shown(text), markup=False, highlight=False, emoji=False, soft_wrap=True)
        else:
            _write(sys.stderr, shown(text))

    def doing(self, work: str) -> None:
        """Name the job under way: beside a spinner on a terminal, elsewhere in a line and before its progress."""
        self._work = work
        if self._bars is not None:
            for task in list(self._bars.task_ids):
                self._bars.remove_task(task)
            if work:
                self._bars.add_task(shown(work), total=None, count="", left="")
        elif work:
            self.say(f"{'starts':8} {work}")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Show progress while the body runs; on a terminal, bars that go away at the end."""
        if self.mode != "human" or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(_BAR_WIDTH))
        # Rich judges by half a minute and says nothing where an item takes longer, so that the time left is ours.
        fields = [TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("count", "left")]
        counts = (fields[0], TimeElapsedColumn(), fields[1])
        with Progress(*columns, *counts, console=Console(stderr=True), transient=True) as self._bars:
            try:
                yield
            finally:
                self._bars = None

    def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        """Yield `items`, counting them in the unit `what`."""
        total = _length(items)
        if self._bars is not None:
            yield from self._with_bar(self._bars, items, total, what)
        elif self.mode == "human":
            yield from self._with_lines(items, total, what)
        else:
            yield from items

    def _with_bar(self, bars: Bars, items: Sequence[Any], total: int | None, what: str) -> Iterator[Any]:
        pace, what = Pace(total, time.monotonic()), shown(what)
        task = bars.add_task("", total=total, count=_count(0, total, what), left=pace)
        try:
            for done, item in enumerate(items, start=1):
                yield item
                pace.step(time.monotonic())
                bars.update(task, completed=done, count=_count(done, total, what))
        finally:
            # `doing` may have removed it already, when the work went on before the generator was closed
            with suppress(KeyError):
                bars.remove_task(task)

    def _with_lines(self, items: Sequence[Any], total: int | None, what: str) -> Iterator[Any]:
        started = last = time.monotonic()
        pace = Pace(total, started)
        for done, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            pace.step(now)
            if now - last >= LINE_EVERY_S and done != total:
                last = now
                prefix = f"{self._work}: " if self._work else ""
                left = pace.left_s(now)
                rest = "" if left is None else f", about {format_seconds(left)} left"
                self.say(f"{prefix}{_count(done, total, what)} after {format_seconds(now - started)}{rest}")

    @contextmanager
    def transfer(self, total: int | None, what: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that is told how many more bytes came; the count, the rate and the time left are shown."""
        started = last = time.monotonic()
        done, lock = 0, threading.Lock()
        bars = self._bars
        task = bars.add_task(f"  {shown(what)}", total=total, count="", left="") if bars is not None else None

        def advance(count: int) -> None:
            nonlocal done, last
            with lock:
                done += count
                now = time.monotonic()
                text = _bytes_text(done, total, now - started)
                if bars is not None and task is not None:
                    bars.update(task, completed=done, count=text)
                elif now - last >= LINE_EVERY_S:
                    last = now
                    self.say(f"{what}: {text}")

        try:
            yield advance
        finally:
            if bars is not None and task is not None:
                with suppress(KeyError):
                    bars.remove_task(task)

    def _print(self, table: Table) -> None:
        """Print a table; on a terminal long cells are folded, elsewhere each row is one line."""
        from rich.table import Table as RichTable

        console = _console(sys.stdout)
        drawn = RichTable(
            title=shown(table.title) or None, title_justify="left", box=None, pad_edge=False, title_style="bold"
        )
        for column in table.columns:
            right = column in table.numbers
            drawn.add_column(shown(column), justify="right" if right else "left", no_wrap=right, overflow="fold")
        for row in table.rows:
            drawn.add_row(*map(shown, row))
        if sys.stdout.isatty():
            console.print(drawn)
            return
        with console.capture() as text:
            console.print(drawn)
        for line in text.get().splitlines():
            _write(sys.stdout, line.rstrip())


def write_error(text: str) -> None:
    """Write one line about an error on stderr, whatever the mode."""
    _write(sys.stderr, shown(text))


@contextmanager
def holding_document() -> Iterator[dict[str, Any]]:
    """Hold what `--json` prints while the body runs; yield the document, so that an error can be put into it."""
    global _held
    before, _held = _held, {}
    try:
        yield _held
    finally:
        _held = before


def write_document(document: Mapping[str, Any]) -> None:
    """Write the one document of `--json` on stdout; what a terminal would obey is written as JSON's escapes."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # JSON escapes the first set of controls itself, and its own line breaks stay.
    _write(sys.stdout, "\n".join(map(_escaped_json, without_secrets(text).split("\n"))))


def _hold_or_write(document: Mapping[str, Any]) -> None:
    if _held is None:
        write_document(document)
    else:
        # Here, so that what JSON cannot hold is an error of the command like any other.
        _held.update(json.loads(json.dumps(document, allow_nan=False)))


def _escaped_json(line: str) -> str:
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], line)


@contextmanager
def telling_new_names() -> Iterator[None]:
    """Say on stderr, once each, what a name is called now and what has no effect; other warnings stay as they are."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, Renamed | Ignored):
                write_error(f"Note: {message}.")
            else:
                others(message, category, *rest, **more)

        for category in (Renamed, Ignored):
            warnings.simplefilter("once", category)
        warnings.showwarning = show
        yield


def confirm(question: str) -> bool | None:
    """Ask a yes-or-no question on the terminal; None where nobody can answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import typer

    return typer.confirm(question, err=True)


def _count(done: int, total: int | None, what: str) -> str:
    return f"{done} of {total} {what}" if total is not None else f"{done} {what}"


def _bytes_text(done: int, total: int | None, seconds: float) -> str:
    """Return bytes, rate and the time that is left at this rate."""
    rate = done / seconds if seconds > 0 else 0.0
    of = f" of {format_bytes(total)}" if total is not None else ""
    left = f", {format_seconds((total - done) / rate)} left" if total is not None and rate > 0 else ""
    return f"{format_bytes(done)}{of}, {format_bytes(int(rate))}/s{left}"


def _length(items: Sequence[Any]) -> int | None:
    # A stage may hand over a generator although the contract says sequence; then only the end is unknown.
    try:
        return len(items)
    except TypeError:
        return None


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else _ANY_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _write(stream: TextIO, text: str) -> None:
    # A stream that does not know a letter gets its escape.
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
