"""The `brainflix` command: assembles the commands, and turns every error into a sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from brainflix import __version__
from brainflix.cli import (
    compare,
    doctor,
    download,
    import_checkpoint,
    listing,
    options,
    report,
    run,
    score,
    store,
    verbs,
)
from brainflix.cli.errors import CLOSED_PIPE, INTERRUPTED, Failure, explain, interrupted, is_closed_pipe, no_stdout
from brainflix.cli.output import holding_document, telling_new_names, write_document, write_error

app = options.new_group(
    # Its commands inherit it.
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Decode video from fMRI: from public files to reconstructed videos and scores that can be trusted.",
    epilog=options.example("brainflix run demo", "brainflix report demo --out demo.html"),
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"brainflix {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Show the help when there is no command."""
    options.help_when_bare(context)


for _noun in (download, verbs, run, report, score, compare, import_checkpoint, listing, store, doctor):
    _noun.register(app)


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    # Where the shell closed a stream, there is none.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    code = invoke(sys.argv[1:])
    _let_go()
    sys.exit(code)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; an error becomes a sentence on stderr, and JSON beside `--json`.

    Args:
        arguments: what follows `brainflix`.
    """
    options_given = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        with telling_new_names(), holding_document() as document:
            failure = _attempt(arguments, debug="--debug" in options_given)
    except BrokenPipeError:
        return CLOSED_PIPE
    if failure is not None and "--json" in options_given:
        document |= {"error": failure.document()}
    unread = False
    unwritten: Failure | None = None
    try:
        # Before the talk on stderr, which may find no reader.
        if document:
            write_document(document)
    except BrokenPipeError:
        unread = True
    except OSError as error:
        unwritten = no_stdout(error)
    for each in (failure, unwritten):
        if each is not None:
            _tell(each.text)
    last = unwritten or failure
    return CLOSED_PIPE if unread else 0 if last is None else last.code


def _tell(text: str) -> None:
    """Say it on stderr, if anyone reads there: what was done, and the exit code, do not hang on it."""
    with suppress(OSError):
        write_error(text)


def _attempt(arguments: Sequence[str], *, debug: bool) -> Failure | None:
    """Run one command; return what went wrong.

    Raises:
        BrokenPipeError: nobody reads any more what it prints on stdout.
    """
    streams = sys.stdout, sys.stderr
    try:
        code = app(list(arguments), prog_name="brainflix", standalone_mode=False)
    except (Exception, KeyboardInterrupt, SystemExit) as ended:
        # Typer ends the process itself, and says nothing, where any pipe breaks; what broke stands behind that.
        sys.stdout, sys.stderr = streams
        error = ended.__context__ if isinstance(ended, SystemExit) else ended
        if error is None:
            raise  # shell completion ends so
        if is_closed_pipe(error):
            raise error from None
        if debug:
            for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
                _tell(line)
        return explain(error)
    # Typer itself turns Ctrl-C into this code.
    return interrupted() if code == INTERRUPTED else None


def _let_go() -> None:
    """Leave nothing in the streams that Python would fail to write when it ends, and then tell a second time."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
