"""`python -m brainflix`; answers `--version` before anything else is imported."""

from __future__ import annotations

import sys

from brainflix import __version__


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"brainflix {__version__}\n")
        return
    from brainflix.cli.app import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
