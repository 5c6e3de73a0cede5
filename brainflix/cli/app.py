"""The `brainflix` command: assembles the commands, and turns every error into a sentence and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
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
from brainflix.cli.errors import INTERRUPTED, Failure, explain, interrupted
from brainflix.cli.output import telling_new_names, write_error

app = options.new_group(
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
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors become a sentence on stderr.

    Args:
        arguments: what follows `brainflix`.
    """
    try:
        with telling_new_names():
            code = app(list(arguments), prog_name="brainflix", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in arguments:
            traceback.print_exception(error)
        return _fail(explain(error))
    # Typer itself turns Ctrl-C into this code.
    return _fail(interrupted()) if code == INTERRUPTED else int(code or 0)


def _fail(failure: Failure) -> int:
    write_error(failure.text)
    return failure.code
