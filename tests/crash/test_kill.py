"""kill -9 at random moments of a run, and eight runs at once: artifacts are whole or absent, and what waits is right.

Every other kill aims at the jobs that keep what they have done, and at the claims that say who is at it.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from brainflix.store.claims import CLAIMS, claim_files
from brainflix.store.gc import plan_gc, run_gc
from brainflix.store.publish import STAGING, read_owner
from brainflix.store.spools import SPOOL
from brainflix.store.store import Store
from brainflix.store.verify import verify

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "tiny.yaml"
N_KILLS = int(os.environ.get("BRAINFLIX_CRASH_COUNT", "8"))
# How long after the claim an aimed kill comes at most.
_AIMED_S = 0.4
# A server that has imported the heavy libraries once and forks for each run: no start-up.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.preload"])


def run_tiny(store: str, failures: str) -> None:
    """Run the tiny recipe in this process; leave a file where it fails."""
    try:
        from brainflix.engine.plan import make_plan
        from brainflix.engine.run import execute
        from brainflix.recipe.files import load_recipe
        from brainflix.settings import load_settings

        recipe, target = load_recipe(str(RECIPE)), Store(store)
        # Two clips at a time, so that there are batches to be killed between.
        settings = load_settings(store=Path(store), workers=1, checkpoint_epochs=1, clips_per_batch=2)
        execute(make_plan(recipe, target), target, settings)
    except BaseException as error:
        Path(failures, f"{os.getpid()}.txt").write_text(repr(error))
        raise


def start(store: Path, failures: Path) -> BaseProcess:
    """Start a run in its own process."""
    failures.mkdir(exist_ok=True)
    process = CONTEXT.Process(target=run_tiny, args=(str(store), str(failures)))
    process.start()
    return process


def contents(store: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the file digests of every artifact; the report tells wall times, so its bytes may differ."""
    opened = [Store(store).open(ref) for ref in Store(store).refs()]
    return {str(a.ref): [(f.path, f.sha256) for f in a.manifest.files] for a in opened if a.ref.kind != "report"}


def torn(store: Path) -> list[str]:
    """Return every problem that opening or verifying finds."""
    target = Store(store)
    return [f"{ref}: {problem}" for ref in target.refs() for problem in verify(target, ref)]


def claims_of(store: Path, pid: int) -> list[str]:
    """Return what a process claims, by kind."""
    found = []
    for path in claim_files(store):
        owner = read_owner(path)
        if owner is not None and owner.pid == pid:
            found.append(owner.ref.partition("/")[0])
    return found


def wait_to_kill(process: BaseProcess, store: Path, kind: str, longest_s: float, rng: random.Random) -> str:
    """Wait for a random while, from the moment on when a process claims something of a kind; return that kind.

    Without a kind it waits from now on.
    """
    reached, deadline = "", time.monotonic() + 60
    while kind and not reached and process.is_alive() and time.monotonic() < deadline:
        reached = kind if kind in claims_of(store, process.pid or 0) else ""
        time.sleep(0.002)
    time.sleep(rng.uniform(0, longest_s))
    return reached


def left_over(store: Path) -> list[Path]:
    """Return what waits, is claimed or is staged, when nothing runs."""
    return [path for name in (SPOOL, CLAIMS, STAGING) for path in (store / name).rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[tuple[str, str]]], float]:
    folder = tmp_path_factory.mktemp("reference")
    warm = start(folder / "warm", folder / "failures")
    warm.join()
    started = time.monotonic()
    process = start(folder / "store", folder / "failures")
    process.join()
    assert process.exitcode == 0, [p.read_text() for p in (folder / "failures").iterdir()]
    assert contents(folder / "warm") == contents(folder / "store"), "two uninterrupted runs must agree"
    return contents(folder / "store"), time.monotonic() - started


def test_killed_runs_leave_nothing_torn_and_finish_with_the_same_bytes(
    tmp_path: Path, reference: tuple[dict[str, list[tuple[str, str]]], float]
) -> None:
    expected, seconds = reference
    rng, number, kills, hit = random.Random(0), 0, 0, set[str]()
    aims = itertools.cycle(("videos", "scores", "", "", "targets", "", "videos", "scores"))
    while kills < N_KILLS:
        store = tmp_path / f"store-{number}"
        # A few kills in one store, each run going on from the last; then let it end.
        for _ in range(min(4, N_KILLS - kills)):
            process = start(store, tmp_path / "failures")
            aim = next(aims)
            # What is there already is not made again.
            aim = "" if aim and Store(store).refs(aim) else aim
            hit.add(wait_to_kill(process, store, aim, _AIMED_S if aim else seconds, rng))
            # A run that has ended already has nothing left to kill.
            if process.is_alive():
                process.kill()
                kills += 1
            process.join()
            assert not torn(store)
        process = start(store, tmp_path / "failures")
        process.join()
        assert process.exitcode == 0, [p.read_text() for p in (tmp_path / "failures").iterdir()]
        assert contents(store) == expected
        run_gc(plan_gc(Store(store), now=True))
        assert not left_over(store), "what was killed is over, and gc knows all that it left"
        number += 1
    assert {"videos", "scores"} <= hit, "kills hit what they aimed at"


def test_eight_runs_at_once_make_one_artifact_each(
    tmp_path: Path, reference: tuple[dict[str, list[tuple[str, str]]], float]
) -> None:
    expected, _ = reference
    processes = [start(tmp_path / "store", tmp_path / "failures") for _ in range(8)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8, [
        p.read_text() for p in (tmp_path / "failures").iterdir()
    ]
    assert not torn(tmp_path / "store")
    assert contents(tmp_path / "store") == expected
    assert not left_over(tmp_path / "store")
