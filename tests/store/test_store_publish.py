"""Publishing and finding: whole or absent, first one wins, clear errors, and no heavy import for a list."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from store_worlds import REF, VALUES, contents, publish, publish_text, staged

from brainflix.errors import DataError, IntegrityError, MissingError, ResourceError, UsageError
from brainflix.store.publish import owner_of, read_owner, staging_folder
from brainflix.store.refs import Ref
from brainflix.store.store import Store

OTHER = Ref("bold", "demo-sub-1", "ba9876543210")


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def test_what_was_published_is_read_back(store):
    source = Ref("raw", "demo", "00000000000a")
    staging = publish(
        store,
        inputs={"raw": [source, str(source)]},
        recipe="demo",
        seed=3,
        dataset_revision="v1",
        device={"name": "cpu", "reason": "no GPU"},
        notes={"first": 1},
    )
    assert staging.published and not staging.path.exists() and staged(store) == []
    artifact = store.open("bold/demo-sub-1")
    assert artifact.path == store.root / "bold" / "demo-sub-1" / REF.key
    assert artifact.file("notes/text.txt").read_text() == "hello"
    np.testing.assert_array_equal(artifact.load("x"), VALUES)
    manifest = artifact.manifest
    assert (manifest.ref, manifest.recipe, manifest.seed, manifest.dataset_revision) == (REF, "demo", 3, "v1")
    assert manifest.inputs == {"raw": (str(source), str(source))}
    assert manifest.notes == {"first": 1} and manifest.device["reason"] == "no GPU"
    assert {"brainflix", "python", "torch", "zarr"} <= set(manifest.versions)
    assert manifest.size == sum(map(len, contents(artifact.path).values())) and manifest.wall_s >= 0


def test_notes_left_by_the_body_are_kept(store):
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        staging.notes["loss"] = float("nan")
    assert store.open(REF).manifest.notes == {"loss": "nan"}


def test_newest_and_shortened_keys(store):
    publish_text(store, REF)
    publish_text(store, OTHER)
    assert store.resolve("bold/demo-sub-1") == OTHER
    assert store.resolve("bold/demo-sub-1@0123") == store.resolve(str(REF)) == REF
    assert store.refs() == store.refs("bold", "demo-sub-1") == [OTHER, REF]
    assert store.refs("raw") == store.refs("bold", "other") == []
    publish_text(store, Ref("bold", "demo-sub-1", "0123aaaaaaaa"))
    with pytest.raises(UsageError, match="means 2 artifacts"):
        store.resolve("bold/demo-sub-1@0123")


def test_what_is_missing_is_suggested(store):
    with pytest.raises(MissingError, match="the store is empty") as caught:
        store.open("bold/demo-sub-1")
    assert caught.value.exit_code == 3
    publish(store)
    with pytest.raises(MissingError, match="did you mean 'bold/demo-sub-1'"):
        store.resolve("bold/demo-sub1")
    with pytest.raises(MissingError, match=REF.key):
        store.resolve("bold/demo-sub-1@ffff")
    with pytest.raises(MissingError):
        store.open(OTHER)
    artifact = store.open(REF)
    with pytest.raises(MissingError, match="it has x"):
        artifact.load("response")
    with pytest.raises(MissingError, match=r"did you mean 'notes/text.txt'"):
        artifact.file("notes/txt.txt")
    with pytest.raises(UsageError):
        store.refs("bald")


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_any_exception_removes_the_staging(store, error):
    with (
        pytest.raises(type(error)),
        store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}) as staging,
    ):
        (staging.path / "a").write_text("half")
        raise error
    assert not store.has(REF) and staged(store) == [] and store.refs() == []


def test_the_second_publisher_uses_the_first_ones_artifact(store):
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}) as slow:
        (slow.path / "text.txt").write_text("second")
        assert publish_text(store, REF, "first").published
    assert not slow.published and staged(store) == []
    assert not publish_text(store, REF, "third").published
    assert store.open(REF).file("text.txt").read_text() == "first"


def test_threads_of_one_process(store):
    ready, results = threading.Barrier(6), []

    def work(number: int) -> None:
        ready.wait()
        results.append(publish_text(store, REF, "same").published)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True] and staged(store) == []


def test_the_owner_lies_outside_of_what_is_published(store):
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={"raw": [OTHER]}, fsync=False) as staging:
        owner = read_owner(owner_of(staging.path))
        assert staging.path.parent == staging_folder(store.root) and list(staging.path.iterdir()) == []
    assert owner is not None and owner.ref == str(REF) and owner.inputs == (str(OTHER),)
    assert contents(store.path(REF)) == {}


@pytest.mark.parametrize("when", ["start", "end"])
def test_a_folder_without_manifest_is_never_overwritten(store, when):
    def spoil() -> None:
        store.path(REF).mkdir(parents=True)
        (store.path(REF) / "precious").write_text("data")

    if when == "start":
        spoil()
    with (
        pytest.raises(IntegrityError, match=r"brainflix store gc --now"),
        store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}),
    ):
        assert when == "end"
        spoil()
    assert (store.path(REF) / "precious").read_text() == "data" and not store.has(REF) and store.refs() == []
    assert staged(store) == []


def test_links_and_reserved_names_are_refused(store, tmp_path):
    def body(make) -> None:
        with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}) as staging:
            make(staging.path)

    for make in (
        lambda path: (path / "manifest.json").write_text("{}"),
        lambda path: (path / "link").symlink_to(tmp_path),
        lambda path: (path / "link").symlink_to("/etc/passwd"),
    ):
        with pytest.raises(DataError):
            body(make)
    assert not store.has(REF) and staged(store) == []


@pytest.mark.parametrize("options", [{"parameters": {"a": float("nan")}}, {"inputs": {"raw": ["raw/demo"]}}])
def test_bad_requests_are_refused_before_any_work(store, options):
    with pytest.raises(UsageError):
        publish_text(store, **options)
    assert not store.root.exists()


def test_a_store_that_is_a_file(tmp_path):
    (tmp_path / "store").write_text("not a folder")
    store = Store(tmp_path / "store")
    assert store.refs() == [] and not store.has(REF)
    with pytest.raises(ResourceError) as caught:
        publish_text(store)
    assert caught.value.exit_code == 5 and str(store.root) in str(caught.value)


def test_a_kind_folder_that_is_a_file(store):
    store.root.mkdir()
    (store.root / "bold").write_text("not a folder")
    with pytest.raises(ResourceError):
        publish_text(store)
    assert staged(store) == []


def test_foreign_things_in_the_store_are_no_artifacts(store):
    publish_text(store)
    for path in ("bold/.DS_Store", "bold/demo-sub-1/README", "bold/demo-sub-1/ffffffffffff/x", "other/x", "bold/a b/y"):
        (store.root / path).parent.mkdir(parents=True, exist_ok=True)
        (store.root / path).write_text("x")
    assert store.refs() == [REF]


def test_relative_root_survives_a_change_of_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("here")
    publish_text(store)
    monkeypatch.chdir("/")
    assert store.open(REF).path == tmp_path / "here" / "bold" / "demo-sub-1" / REF.key


def test_manifest_is_readable_json_with_sorted_files(store):
    publish(store)
    body = json.loads((store.path(REF) / "manifest.json").read_text())
    assert [each["path"] for each in body["files"]] == sorted(contents(store.path(REF)))


def test_listing_imports_nothing_heavy():
    modules = "refs keys manifest store publish gc verify diff export"
    code = f"import sys; [__import__('brainflix.store.' + name) for name in '{modules}'.split()]; print(*sys.modules)"
    root = Path(__file__).parents[2]
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert "brainflix.store.gc" in loaded.split()
    assert not {"zarr", "numpy", "torch", "pydantic"} & set(loaded.split())
