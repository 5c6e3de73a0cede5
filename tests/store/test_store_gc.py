"""Garbage collection: only what is dead or asked for, seen first; never what a process or a kept artifact needs."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest
from store_worlds import REF, publish_text, staged

from brainflix.errors import MissingError
from brainflix.store.gc import plan_gc, run_gc
from brainflix.store.provenance import boot_id, fate, pid_namespace, this_process
from brainflix.store.publish import owner_of, staging_folder
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from tests.processes import dead_pid, fork, wait

HOUR = 3600.0


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def leave_staging(store: Store, name: str, age_h: float = 0.0, **changes):
    """Make a staging folder of 7 bytes as a process left it that owned it `age_h` hours ago."""
    folder = staging_folder(store.root) / f"0123456789ab.1.{name}"
    folder.mkdir(parents=True)
    (folder / "half").write_text("1234567")
    owner = {**this_process(name, str(REF), ()).to_dict(), "created_s": time.time() - age_h * HOUR, **changes}
    owner_of(folder).write_text(json.dumps(owner))
    for path in (folder / "half", folder, owner_of(folder)):
        os.utime(path, (time.time() - age_h * HOUR,) * 2)
    return folder


def test_dead_staging_waits_a_day_or_now(store):
    young, old = leave_staging(store, "young", 1, pid=dead_pid()), leave_staging(store, "old", 25, pid=dead_pid())
    plan = plan_gc(store)
    assert plan.paths == (old,) and plan.bytes == 7 and "gone" in plan.reasons[old]
    assert young.exists() and old.exists()  # a plan touches nothing
    assert run_gc(plan) == [old]
    assert sorted(staged(store)) == [young.name, owner_of(young).name]
    assert plan_gc(store, older_than_h=0.5).paths == plan_gc(store, now=True).paths == (young,)
    run_gc(plan_gc(store, now=True))
    assert staged(store) == []


def test_living_staging_is_left_alone_at_any_age(store):
    leave_staging(store, "mine", 1000)
    assert plan_gc(store, now=True, older_than_h=0).paths == ()
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False):
        assert run_gc(plan_gc(store, now=True, keep=[])) == []
    assert store.has(REF)


@pytest.mark.parametrize(
    "changes, state",
    [
        ({}, "alive"),
        ({"pid_started": "1"}, "dead"),
        ({"boot": "another"}, "dead"),
        ({"host": "elsewhere"}, "foreign"),
        ({"namespace": "pid:[1]"}, "foreign"),
    ],
)
def test_who_is_alive(changes, state):
    from dataclasses import replace

    assert fate(replace(this_process("x", str(REF), ()), **changes)) == state


def test_a_killed_child_is_dead_before_and_after_it_is_waited_for(store):
    from dataclasses import replace

    pid = fork(lambda: None)
    deadline = time.time() + 5
    owner = replace(this_process("x", str(REF), ()), pid=pid, pid_started="")
    while fate(owner) == "alive" and time.time() < deadline:
        time.sleep(0.01)
    assert fate(owner) == "dead"
    wait(pid)
    assert fate(owner) == "dead"


def test_identity_of_this_process():
    owner = this_process("u", str(REF), ())
    assert (owner.host, owner.boot, owner.pid) == (socket.gethostname(), boot_id(), os.getpid())
    assert owner.namespace == pid_namespace() and owner.pid_started.isdigit()


def test_staging_of_other_machines_goes_after_a_week_of_silence(store):
    leave_staging(store, "recent", 100, host="elsewhere", created_s=0)
    silent = leave_staging(store, "silent", 24 * 8, host="elsewhere")
    assert plan_gc(store, now=True).paths == (silent,)


def test_torn_owner_files(store):
    folder = leave_staging(store, "a", 25)
    owner_of(folder).write_text("{")
    os.utime(owner_of(folder), (time.time() - 25 * HOUR,) * 2)
    orphan = staging_folder(store.root) / "x.owner.json"
    orphan.write_text("")
    assert plan_gc(store).paths == (folder,)
    assert set(plan_gc(store, now=True).paths) == {folder, orphan}
    run_gc(plan_gc(store, now=True))
    assert staged(store) == []


def test_torn_folders_go_only_now(store):
    publish_text(store)
    torn = store.root / "bold" / "demo-sub-1" / "ffffffffffff"
    torn.mkdir()
    (torn / "part").write_text("abc")
    assert plan_gc(store, keep=[]).paths == ()
    plan = plan_gc(store, now=True)
    assert plan.paths == (torn,) and plan.bytes == 3 and "manifest" in plan.reasons[torn]
    run_gc(plan)
    assert not torn.exists() and staged(store) == [] and store.refs() == [REF]


def chain(store: Store) -> dict[str, Ref]:
    """Publish raw → old and new bold → model of the old bold, and an old raw that nothing uses."""
    refs = {
        "unused": Ref("raw", "demo", "00000000000a"),
        "raw": Ref("raw", "demo", "00000000000b"),
        "old": Ref("bold", "s", "00000000000c"),
        "new": Ref("bold", "s", "00000000000d"),
        "old_model": Ref("model", "m", "00000000000e"),
        "model": Ref("model", "m", "00000000000f"),
    }
    inputs = {"old": "unused", "new": "raw", "old_model": "old", "model": "new"}
    for name, ref in refs.items():
        publish_text(store, ref, inputs={"in": [refs[inputs[name]]]} if name in inputs else {})
    return refs


def test_without_request_no_artifact_goes(store):
    chain(store)
    assert plan_gc(store, now=True, older_than_h=0).paths == ()


def test_what_nothing_needs_goes_on_request(store):
    refs = chain(store)
    plan = plan_gc(store, keep=[])
    assert set(plan.paths) == {store.path(refs[name]) for name in ("unused", "old", "old_model")}
    assert plan_gc(store, keep=[str(refs["old_model"])]).paths == ()
    assert set(plan_gc(store, keep=[refs["old"]]).paths) == {store.path(refs["old_model"])}
    run_gc(plan)
    assert set(store.refs()) == {refs[name] for name in ("raw", "new", "model")} and staged(store) == []


def test_inputs_of_a_publish_under_way_are_kept(store):
    refs = chain(store)
    options = dict(stage="s", stage_version=1, parameters={}, fsync=False)
    with store.publish(Ref("scores", "x", "00000000000a"), inputs={"in": [refs["old_model"]]}, **options):
        assert plan_gc(store, keep=[]).paths == ()


def test_a_plan_that_grew_old_deletes_only_what_may_still_go(store):
    refs = chain(store)
    plan = plan_gc(store, keep=[])
    publish_text(store, Ref("scores", "x", "00000000000a"), inputs={"in": [refs["old"]]})
    assert set(run_gc(plan)) == {store.path(refs["old_model"])}
    assert store.has(refs["old"]) and store.has(refs["unused"])


def test_removal_by_name(store):
    refs = chain(store)
    assert run_gc(plan_gc(store, remove=["model/m", refs["old"]])) == [
        store.path(refs["model"]),
        store.path(refs["old"]),
    ]
    assert not store.has(refs["model"]) and not store.has(refs["old"]) and store.has(refs["old_model"])
    with pytest.raises(MissingError):
        plan_gc(store, remove=[refs["old"]])
    with pytest.raises(MissingError):
        plan_gc(store, keep=["bold/none"])


@pytest.mark.parametrize("body", ["{}", '{"created": "2', "[" * 100_000, "[]", "", b"\xff\xfe", '{"schema": true}'])
def test_a_damaged_manifest_is_named_and_what_it_may_need_stays(store, body):
    refs = chain(store)
    path = store.path(refs["new"]) / "manifest.json"
    made = path.stat().st_mtime
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    os.utime(path, (made, made))
    plan = plan_gc(store, keep=[], now=True)
    # It is the newest of its name. Older are raw, unused and old; newer, and needed by nothing, is old_model.
    assert plan.paths == (store.path(refs["old_model"]),) and list(plan.damaged) == [refs["new"]]
    assert run_gc(plan) == [store.path(refs["old_model"])] and store.has(refs["unused"])
    run_gc(plan_gc(store, remove=[str(refs["new"])]))
    assert not store.path(refs["new"]).exists()


def test_a_damaged_manifest_that_nothing_needs_goes_with_the_others(store):
    refs = chain(store)
    path = store.path(refs["unused"]) / "manifest.json"
    path.write_bytes(path.read_bytes()[:60])
    assert store.refs("raw") == [refs["raw"], refs["unused"]], "a torn manifest may still say when it was made"
    plan = plan_gc(store, keep=[])
    assert set(plan.paths) == {store.path(refs[name]) for name in ("unused", "old", "old_model")}
    assert plan.damaged == {}, "it goes itself"


def test_what_depends_on_what_goes_is_named(store):
    refs = chain(store)
    assert plan_gc(store, remove=[refs["unused"]]).dependents == (refs["old"], refs["old_model"])
    assert plan_gc(store, remove=[refs["unused"], refs["old"]]).dependents == (refs["old_model"],)
    assert plan_gc(store, remove=[refs["model"]]).dependents == ()
    (store.path(refs["old"]) / "manifest.json").write_text("{")
    plan = plan_gc(store, remove=[refs["unused"]])
    assert plan.dependents == () and list(plan.damaged) == [refs["old"]], "what cannot be read is said"


def test_an_empty_store(store):
    assert plan_gc(store, keep=[], now=True).paths == () and run_gc(plan_gc(store)) == []
