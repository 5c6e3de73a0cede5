"""Two processes on one job: one computes, the other waits and takes what it made."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from brainflix.engine.job import Job
from brainflix.engine.run import make_tools, run_job
from brainflix.parts.params import AnyParams
from brainflix.progress import Silent
from brainflix.settings import load_settings
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from tests.processes import fork

REF = Ref("report", "demo", "00000000000f")
JOB = Job("report", "", "html", None, AnyParams(), REF, {}, 0, "demo", "r", "")


class Slow:
    """Leaves a line for each process that computes, and takes as long as the file `busy` is there."""

    def __init__(self, folder: Path) -> None:
        self.log, self.busy = folder / "computed", folder / "busy"

    def save(self, folder: Path) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        until(lambda: not self.busy.exists())
        (folder / "index.html").write_text("made")


class Heard(Silent):
    """Writes down what is said."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def say(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(text + "\n")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Run the job as any process would."""
    module = ModuleType("slow")
    module.VERSION = 1  # type: ignore[attr-defined]
    module.run = lambda *_: Slow(tmp_path)  # type: ignore[attr-defined]
    monkeypatch.setattr("brainflix.engine.run.import_module", lambda name: module)

    def once() -> None:
        store = Store(tmp_path / "store")
        run_job(JOB, store, make_tools(store, load_settings(store=store.root), Heard(tmp_path / "said")))

    return once


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.005)


def test_one_of_three_processes_computes(tmp_path, run):
    computed, said, busy = (tmp_path / name for name in ("computed", "said", "busy"))
    busy.touch()
    pids = [fork(run)]
    until(computed.exists)
    pids += [fork(run) for _ in range(2)]
    until(lambda: len(lines(said)) == 2)
    busy.unlink()
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert lines(computed) == [str(pids[0])] and Store(tmp_path / "store").has(REF)
    assert all(f"is being made by process {pids[0]} on" in each for each in lines(said))
    assert not (tmp_path / "store" / ".claims").exists()


def test_where_the_first_one_is_killed_the_second_one_computes(tmp_path, run):
    (tmp_path / "busy").touch()
    first = fork(run)
    until((tmp_path / "computed").exists)
    second = fork(run)
    until((tmp_path / "said").exists)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    (tmp_path / "busy").unlink()
    assert os.waitpid(second, 0)[1] == 0
    assert lines(tmp_path / "computed") == [str(first), str(second)] and Store(tmp_path / "store").has(REF)


def test_a_broken_claim_costs_no_result(tmp_path, run):
    claims = tmp_path / "store" / ".claims"
    claims.parent.mkdir()
    claims.write_text("a file where the folder should be")
    run()
    assert Store(tmp_path / "store").has(REF) and len(lines(tmp_path / "computed")) == 1
