"""`doctor`: what this machine has, what brainflix would use and why; `version`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from brainflix.cli import options
from brainflix.cli.checks import (
    BAD,
    Check,
    check_attention,
    check_device,
    check_network,
    check_settings,
    check_store,
    check_versions,
    check_video,
)
from brainflix.cli.output import Output, Table
from brainflix.errors import ResourceError
from brainflix.wording import count

if TYPE_CHECKING:
    from brainflix.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `doctor` and `version` to the command line."""
    app.command("doctor", epilog=options.example("brainflix doctor", "brainflix doctor --bench --device auto"))(doctor)
    app.command("version", epilog=options.example("brainflix version --json"))(version)


def doctor(
    bench: options.Bench = False,
    store: options.StorePath = None,
    device: options.Device = None,
    precision: options.Precision = None,
    attention: options.Attention = None,
    offline: options.Offline = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Check what this machine has and what would be used.

    Looks at versions, device, attention kernel, video codecs, the store's disk and network settings. Exits with 5 if
    something that brainflix needs does not work. With --quiet, print only what does not work.
    """
    from brainflix.cli import session

    out = Output(json=json, quiet=quiet)
    settings = session.open_settings(
        store=store, device=device, precision=precision, attention=attention, offline=offline
    )
    checks = _run_checks(settings)
    bad = [check for check in checks if check.state == BAD]
    timings = _bench(settings, out) if bench and not bad else []
    tables = [Table(("", "check", "found"), [(check.state, check.name, check.found) for check in checks])]
    if timings:
        columns = ("kernel", "shape", "dtype", "milliseconds", "largest difference")
        tables.append(Table(columns, [tuple(str(row[column]) for column in columns) for row in timings]))
    document: dict[str, Any] = {"checks": [vars(check) for check in checks], "ok": not bad}
    if bench:
        document["bench"] = timings
    out.result(document, lines=[check.name for check in bad], tables=tables)
    if bad:
        raise ResourceError(f"{count(len(bad), 'check')} failed", why="; ".join(f"{c.name}: {c.found}" for c in bad))


def _run_checks(settings: Settings) -> list[Check]:
    """Run every check; one that breaks is a finding and does not hide the others."""
    checks: list[Callable[[Settings], list[Check]]] = [
        check_versions,
        check_settings,
        check_device,
        check_attention,
        check_video,
        check_store,
        check_network,
    ]
    found: list[Check] = []
    for check in checks:
        try:
            found += check(settings)
        except Exception as error:
            found.append(Check(check.__name__.removeprefix("check_"), f"{type(error).__name__}: {error}", BAD))
    return found


def _bench(settings: Settings, out: Output) -> list[dict[str, Any]]:
    from brainflix.cli.bench import bench_attention

    with out.working():
        return bench_attention(settings, out)


def version(json: options.Json = False, quiet: options.Quiet = False, debug: options.Debug = False) -> None:
    """Print the versions that shape results."""
    from brainflix import __version__
    from brainflix.store.provenance import software_versions

    out = Output(json=json, quiet=quiet)
    found = {} if quiet else software_versions()
    out.result(found, lines=[__version__], tables=[Table(("package", "version"), list(found.items()))])
