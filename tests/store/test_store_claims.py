"""Claims: one process makes an artifact, others wait; a broken, lapsed or unwritable claim costs time and no result."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_worlds import REF, publish_text

from brainflix.store import claims
from brainflix.store.claims import claim_file, claimed, has_lapsed
from brainflix.store.gc import plan_gc, run_gc
from brainflix.store.provenance import this_process
from brainflix.store.spools import spool_folder
from brainflix.store.store import Store
from tests.processes import dead_pid, fork, wait


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


@contextmanager
def claiming(store: Store, said: list[str] | None = None):
    """Claim REF as the engine does."""
    heard = [] if said is None else said
    with claimed(store.root, REF, (), lambda: store.has(REF), heard.append) as is_ours:
        yield is_ours


def leave_claim(store: Store, age_s: float = 0.0, body: str | None = None, **changes) -> Path:
    """Leave a claim as another process would that touched it last `age_s` seconds ago."""
    path = claim_file(store.root, REF)
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = {**this_process("theirs", str(REF), ()).to_dict(), **changes}
    path.write_text(json.dumps(owner) if body is None else body)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_a_claim_stands_while_the_work_lasts_and_leaves_nothing(store):
    with claiming(store) as is_ours:
        owner = json.loads(claim_file(store.root, REF).read_text())
        assert is_ours and (owner["pid"], owner["ref"]) == (os.getpid(), str(REF))
    assert not (store.root / claims.CLAIMS).exists()
    with pytest.raises(ValueError), claiming(store):
        raise ValueError
    assert not (store.root / claims.CLAIMS).exists()


def test_what_is_there_already_is_not_claimed(store):
    publish_text(store)
    with claiming(store) as is_ours:
        assert not is_ours and not claim_file(store.root, REF).exists()


def test_the_second_process_waits_says_so_once_and_takes_what_the_first_one_made(store):
    ready, go = os.pipe(), os.pipe()

    def first() -> None:
        with claiming(store) as is_ours:
            assert is_ours
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            publish_text(store)

    pid, said = fork(first), []
    os.read(ready[0], 1)
    threading.Timer(0.3, lambda: os.write(go[1], b"x")).start()
    with claiming(store, said) as is_ours:
        assert not is_ours and store.has(REF)
    assert wait(pid) == 0
    assert len(said) == 1 and f"process {pid} on" in said[0] and str(REF) in said[0]


def test_the_second_process_makes_it_when_the_first_one_fails_or_is_killed(store):
    for end in ("fails", "is killed"):
        ready = os.pipe()

        def first(end: str = end, ready: tuple[int, int] = ready) -> None:
            with claiming(store):
                os.write(ready[1], b"x")
                time.sleep(0.2 if end == "fails" else 30)

        pid = fork(first)
        os.read(ready[0], 1)
        if end == "is killed":
            threading.Timer(0.2, os.kill, (pid, 9)).start()
        with claiming(store) as is_ours:
            assert is_ours and not store.has(REF)
        wait(pid)


@pytest.mark.parametrize(
    "left",
    [
        {"pid": "dead"},
        {"host": "elsewhere", "age_s": 61},
        {"age_s": 61},
        {"body": "", "age_s": 61},
        {"body": "[1, 2", "age_s": 61},
        {"boot": "another"},
    ],
)
def test_a_lapsed_claim_is_taken_over_at_once(store, left):
    path = leave_claim(store, **{**left, **({"pid": dead_pid()} if "pid" in left else {})})
    assert has_lapsed(path)
    with claiming(store) as is_ours:
        assert is_ours and json.loads(path.read_text())["uuid"] != "theirs"
    assert not path.exists()


@pytest.mark.parametrize("left", [{}, {"host": "elsewhere"}, {"body": ""}, {"host": "elsewhere", "age_s": 50}])
def test_a_claim_that_may_be_alive_is_waited_for(store, monkeypatch, left):
    path = leave_claim(store, **left)
    assert not has_lapsed(path)
    looks = []

    def sleep(pause_s: float) -> None:
        looks.extend([pause_s] if pause_s else [])
        if pause_s and len(looks) == 3:
            publish_text(store)

    monkeypatch.setattr(claims.time, "sleep", sleep)
    with claiming(store) as is_ours:
        assert not is_ours and len(looks) == 3 and path.exists()


def test_a_claim_is_touched_while_its_process_works(store, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    with claiming(store):
        path = claim_file(store.root, REF)
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert abs(path.stat().st_mtime - time.time()) < 5


def test_a_claim_that_was_taken_over_is_neither_touched_nor_given_back(store):
    with claiming(store):
        path = leave_claim(store, host="elsewhere")
    assert json.loads(path.read_text())["uuid"] == "theirs"


def test_who_finds_a_claim_lapsed_does_not_take_away_the_one_that_replaced_it(store, monkeypatch):
    """Another process takes a lapsed claim over between the look and the rename."""
    path, rename = leave_claim(store, age_s=61), os.rename

    def late(source, target) -> None:
        leave_claim(store)
        rename(source, target)

    monkeypatch.setattr(claims.os, "rename", late)
    assert not claims._clear_away(path)
    assert json.loads(path.read_text())["uuid"] == "theirs" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["make_folders", "write_file"])
def test_where_claims_cannot_be_written_the_work_is_done_without(store, monkeypatch, name):
    def refuse(*_, **__) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(claims.disk, name, refuse)
    with claiming(store) as is_ours:
        assert is_ours


def test_a_lapsed_claim_that_cannot_be_moved_is_not_waited_for_without_end(store, monkeypatch):
    leave_claim(store, age_s=61)
    clock = iter(range(0, 10**6, 30))

    def refuse(*_) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(claims.os, "rename", refuse)
    monkeypatch.setattr(claims.time, "sleep", lambda pause_s: None)
    monkeypatch.setattr(claims.time, "monotonic", lambda: float(next(clock)))
    with claiming(store) as is_ours:
        assert is_ours


def test_a_forked_worker_does_not_give_back_its_parents_claim(store):
    manager, path = claiming(store), claim_file(store.root, REF)
    manager.__enter__()
    assert wait(fork(lambda: manager.__exit__(None, None, None))) == 0 and path.exists()
    manager.__exit__(None, None, None)
    assert not path.exists()


def test_gc_knows_claims(store):
    dead = leave_claim(store, pid=dead_pid())
    assert plan_gc(store).paths == (dead,) and "gone" in plan_gc(store).reasons[dead]
    assert run_gc(plan_gc(store)) == [dead] and not dead.exists()
    folder = spool_folder(store.root, REF)
    folder.mkdir(parents=True)
    with claiming(store):
        assert plan_gc(store, now=True).paths == (), "what a claim stands for is being made"
    assert plan_gc(store, now=True).paths == (folder,)


def test_gc_spares_what_a_claimed_job_reads(store):
    publish_text(store)
    newer = REF.__class__(REF.kind, REF.name, "ffffffffffff")
    publish_text(store, newer)
    assert plan_gc(store, keep=[]).paths == (store.path(REF),)
    target = REF.__class__("aligned", "x", "0" * 12)
    with claimed(store.root, target, (str(REF),), lambda: False, lambda text: None):
        assert plan_gc(store, keep=[]).paths == ()
