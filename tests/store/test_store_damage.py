"""Damage: a flipped bit, a lost or short file, an edited manifest: each is found by opening, reading or verifying."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time

import numpy as np
import pytest
from store_worlds import REF, VALUES, contents, publish, publish_text

from brainflix.errors import IntegrityError, MissingError, ResourceError, UsageError
from brainflix.store import disk, whole
from brainflix.store.arrays import write_array
from brainflix.store.diff import ABSENT, Difference, first_difference
from brainflix.store.export import export
from brainflix.store.manifest import Manifest
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.store.verify import verify

SHARD = "data.zarr/x/c/0/0"


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    publish(store, fsync=False)
    return store


def flip(path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def paths_of(problems) -> list[str]:
    return [problem.path for problem in problems]


def test_an_intact_artifact_has_no_problem(store):
    assert verify(store, REF) == []


def test_each_flipped_bit_of_a_shard_is_found_on_read_and_by_verify(store):
    path = store.path(REF) / SHARD
    good = path.read_bytes()
    for bit in range(0, 8 * len(good), 13):  # chunk, its checksum, the index and the index's checksum
        flip(path, bit)
        artifact = store.open(REF)
        with pytest.raises(IntegrityError, match=f"brainflix store verify {REF}"):
            artifact.load("x")
        path.write_bytes(good)
    flip(path, 100)
    assert paths_of(verify(store, REF)) == [SHARD]
    assert "SHA-256" in str(verify(store, REF)[0])


@pytest.mark.parametrize("layout", ["rows", "tiles", "whole"])
@pytest.mark.parametrize("kind", ["float32", "uint8", "bool"])
def test_a_flipped_bit_in_every_layout(tmp_path, layout, kind):
    store = Store(tmp_path)
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        write_array(staging.path, "x", np.ones((5, 4), kind), dims="ab", layout=layout)
    chunk = next(entry for entry in store.open(REF).manifest.files if "/c/" in entry.path)
    flip(store.path(REF) / chunk.path, 9)
    with pytest.raises(IntegrityError, match="other content"):
        store.open(REF).load("x")
    with pytest.raises(ValueError, match="checksum"):  # by the chunk's own crc32c, where an array is read in parts
        store.open(REF).array("x")[...]
    assert paths_of(verify(store, REF)) == [chunk.path]


@pytest.mark.parametrize("name", [SHARD, "data.zarr/x/zarr.json", "notes/text.txt"])
def test_a_deleted_file(store, name):
    opened = store.open(REF)
    (store.path(REF) / name).unlink()
    with pytest.raises(IntegrityError, match=f"{name} is missing.*brainflix store verify {REF}"):
        store.open(REF)
    assert paths_of(verify(store, REF)) == [name]
    if name.startswith("data.zarr"):  # also when it was lost after opening: it must not read as fill value
        with pytest.raises(IntegrityError):
            opened.load("x")


@pytest.mark.parametrize("size", [0, 10])
def test_a_truncated_file(store, size):
    path = store.path(REF) / SHARD
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(IntegrityError, match=f"{SHARD} has {size} bytes instead of"):
        store.open(REF)
    assert paths_of(verify(store, REF)) == [SHARD]


def test_a_file_replaced_by_a_folder(store):
    (store.path(REF) / SHARD).unlink()
    (store.path(REF) / SHARD).mkdir()
    with pytest.raises(IntegrityError):
        store.open(REF)
    assert paths_of(verify(store, REF)) == [SHARD]


def test_an_extra_file_is_found_by_verify(store):
    (store.path(REF) / "data.zarr" / "x" / "c" / "9").write_text("x")
    with pytest.raises(IntegrityError, match=r"data.zarr/x/c/9 is not in its manifest.*delete"):
        store.open(REF)
    assert paths_of(verify(store, REF)) == ["data.zarr/x/c/9"]


def test_what_a_system_leaves_in_a_folder_is_no_damage(store):
    for name in (".DS_Store", ".nfs000000000123", "._text.txt", "Thumbs.db"):
        (store.path(REF) / "notes" / name).write_text("x")
    assert store.open(REF).names() == ("x",) and verify(store, REF) == []


def test_a_link_is_found_by_verify(store, tmp_path):
    (store.path(REF) / "link").symlink_to(tmp_path)
    with pytest.raises(IntegrityError, match="link is not in its manifest"):
        store.open(REF)
    assert paths_of(verify(store, REF)) == ["link"]


@pytest.mark.parametrize("name", ["notes/text.txt", "notes", SHARD, "data.zarr"])
def test_a_link_swapped_in_for_a_file_or_a_folder(store, tmp_path, name):
    """Also one that leads to the same bytes: they are out of the store's hands."""
    inside, outside = store.path(REF) / name, tmp_path / "elsewhere"
    inside.rename(outside)
    inside.symlink_to(outside)
    with pytest.raises(IntegrityError, match=f"{name} is a link"):
        store.open(REF)
    assert name in paths_of(verify(store, REF))


def test_a_store_that_is_reached_by_a_link_is_whole(store, tmp_path):
    (tmp_path / "link").symlink_to(store.root)
    assert Store(tmp_path / "link").open(REF).load("x").shape == VALUES.shape
    assert verify(Store(tmp_path / "link"), REF) == []


def test_two_shards_exchanged(store):
    """Each is whole by its own checksums, of the right size and of the same array; only their places are wrong."""
    first, second = (store.path(REF) / f"data.zarr/x/c/{number}/0" for number in (0, 1))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert not np.array_equal(store.open(REF).array("x")[...], VALUES)
    for read in (lambda artifact: artifact.load("x"), lambda artifact: artifact.rows("x", 4, 5)):
        with pytest.raises(IntegrityError, match="other content"):
            read(store.open(REF))
    assert paths_of(verify(store, REF)) == [SHARD, "data.zarr/x/c/1/0"]


def test_rows_are_checked_in_their_own_files_only(store):
    flip(store.path(REF) / "data.zarr/x/c/1/0", 5)
    assert np.array_equal(store.open(REF).rows("x", 0, 3), VALUES[:3])
    with pytest.raises(IntegrityError, match="c/1/0 has other content"):
        store.open(REF).rows("x", 2, 4)


def test_a_file_is_hashed_once_and_again_after_any_change(store, monkeypatch):
    hashed = []
    monkeypatch.setattr(whole, "hash_file", lambda path: hashed.append(path) or disk.hash_file(path))
    monkeypatch.setattr(whole, "_SETTLED_NS", -(10**12))  # as if all of it had been written long ago
    path = store.path(REF) / "notes/text.txt"
    for _ in range(3):
        assert store.open(REF).file("notes/text.txt") == path
    assert hashed == [path]
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    flip(path, 3)
    os.utime(path, ns=times)  # as whoever hides a change would
    with pytest.raises(IntegrityError, match=r"text.txt has other content.*gc --remove .*make it again"):
        store.open(REF).file("notes/text.txt")
    assert hashed == [path, path]


def test_a_file_that_was_just_written_is_hashed_every_time(store):
    """Two changes within one tick of the file system's clock cannot be told apart by its times."""
    path = store.path(REF) / "notes/text.txt"
    for _ in range(20):
        store.open(REF).file("notes/text.txt")
        flip(path, 3)
        with pytest.raises(IntegrityError):
            store.open(REF).file("notes/text.txt")
        flip(path, 3)


def test_the_newest_is_not_chosen_by_an_edited_manifest(store):
    later = Ref("bold", "demo-sub-1", "ffffffffffff")
    publish_text(store, later)
    assert store.resolve("bold/demo-sub-1") == later
    path = store.path(later) / "manifest.json"
    path.write_text(re.sub(r'"created": "\d{4}', '"created": "1999', path.read_text()))
    with pytest.raises(IntegrityError, match="ffffffffffff was changed"):
        store.resolve("bold/demo-sub-1")
    assert store.resolve(str(REF)) == REF and store.resolve("bold/demo-sub-1@ffff") == later


def test_edited_metadata_of_the_same_size(store):
    path = store.path(REF) / "data.zarr" / "x" / "zarr.json"
    path.write_text(path.read_text().replace('"float32"', '"uint32" '))
    with pytest.raises(IntegrityError, match="other content"):
        store.open(REF).load("x")
    assert paths_of(verify(store, REF)) == ["data.zarr/x/zarr.json"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"hello"', '"hallo"'),
        lambda text: text[:-20],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"schema": 1', '"schema": 99'),
        lambda text: text.replace('"seed": 0', '"seed": 1'),
    ],
)
def test_an_edited_manifest(store, edit):
    path = store.path(REF) / "manifest.json"
    path.write_text(edit(path.read_text()))
    assert store.refs() == [REF]  # it is still listed, so that it can be found and dealt with
    with pytest.raises(IntegrityError) as caught:
        store.open("bold/demo-sub-1")
    assert caught.value.exit_code == 4
    assert paths_of(verify(store, REF)) == ["manifest.json"]


def test_a_damaged_newest_artifact_is_not_passed_over(store):
    later = Ref("bold", "demo-sub-1", "ffffffffffff")
    publish_text(store, later)
    (store.path(later) / "manifest.json").write_text("torn")
    with pytest.raises(IntegrityError):
        store.open("bold/demo-sub-1")


def test_a_renamed_folder(store):
    other = Ref("bold", "other", REF.key)
    shutil.copytree(store.path(REF), store.path(other))
    with pytest.raises(IntegrityError, match="moved or renamed"):
        store.open(other)
    assert paths_of(verify(store, other)) == ["manifest.json"]


def test_a_lost_manifest_and_a_lost_artifact(store):
    (store.path(REF) / "manifest.json").unlink()
    assert not store.has(REF) and paths_of(verify(store, REF)) == ["manifest.json"]
    with pytest.raises(MissingError):
        verify(store, Ref("bold", "demo-sub-1", "ffffffffffff"))


def test_a_damaged_text_file(store):
    with store.publish(Ref("scores", "x", REF.key), stage="s", stage_version=1, parameters={}, inputs={}) as staging:
        (staging.path / "scores.json").write_text('{"acc": 0.5}')
        (staging.path / "bad.json").write_text("{")
    artifact = store.open("scores/x")
    assert artifact.json("scores.json") == {"acc": 0.5}
    with pytest.raises(IntegrityError):
        artifact.json("bad.json")
    artifact.file("scores.json").write_text('{"acc": 0.9}')
    with pytest.raises(IntegrityError, match="other content"):
        store.open("scores/x").json("scores.json")


def test_crc_is_checked_where_the_hash_fits(store, tmp_path):
    """A chunk that was damaged before it was hashed is found by its crc32c alone."""
    ref = Ref("bold", "bad", REF.key)
    with store.publish(ref, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        write_array(staging.path, "x", np.ones(50), dims="a")
        flip(staging.path / "data.zarr" / "x" / "c" / "0", 77)
    assert verify(store, ref, crc=False) == []
    assert paths_of(verify(store, ref)) == ["data.zarr/x"]


def test_export_copies_and_verifies(store, tmp_path):
    folder = export(store, REF, tmp_path / "out" / "copy")
    assert contents(folder) == contents(store.path(REF))
    assert Manifest.from_json((folder / "manifest.json").read_bytes()).ref == REF
    with pytest.raises(UsageError):
        export(store, REF, folder)
    (tmp_path / "empty").mkdir()
    export(store, REF, tmp_path / "empty")
    flip(store.path(REF) / SHARD, 3)
    with pytest.raises(IntegrityError):
        export(store, REF, tmp_path / "bad")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "out", "store"]


def manifest(**changes) -> Manifest:
    fields = dict(
        kind="bold",
        name="x",
        key=REF.key,
        stage="preprocess",
        stage_version=1,
        inputs={"raw": (str(REF),)},
        parameters={"detrend_degree": 4, "areas": ["V1", "V2"], "space": {"name": "fsLR"}},
    )
    return Manifest(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, None),
        ({"recipe": "other", "seed": 5, "name": "y"}, None),
        ({"parameters": {"detrend_degree": 4.0, "areas": ("V1", "V2"), "space": {"name": "fsLR"}}}, None),
        (
            {"stage_version": 2, "parameters": {**manifest().parameters, "detrend_degree": 5}},
            Difference("preprocess.detrend_degree", 4, 5),
        ),
        ({"parameters": {**manifest().parameters, "areas": ["V1"]}}, Difference("preprocess.areas[1]", "V2", ABSENT)),
        (
            {"parameters": {**manifest().parameters, "space": {"name": "x"}}},
            Difference("preprocess.space.name", "fsLR", "x"),
        ),
        ({"parameters": {**manifest().parameters, "tr_s": 2}}, Difference("preprocess.tr_s", ABSENT, 2)),
        (
            {"parameters": {**manifest().parameters, "detrend_degree": True}},
            Difference("preprocess.detrend_degree", 4, True),
        ),
        ({"inputs": {"raw": ("raw/a@000000000000",)}}, Difference("inputs.raw[0]", str(REF), "raw/a@000000000000")),
        ({"stage_version": 2, "dataset_revision": "v2"}, Difference("stage_version", 1, 2)),
        ({"dataset_revision": "v2"}, Difference("dataset_revision", "", "v2")),
    ],
)
def test_first_difference(changes, expected):
    assert first_difference(manifest(), manifest(**changes)) == expected
    as_json = json.loads(manifest(**changes).to_json())
    assert first_difference(manifest(), as_json) == expected


def test_first_difference_of_what_both_sides_give():
    assert first_difference({"parameters": {"a": 1}}, manifest(parameters={"a": 2})) == Difference("a", 1, 2)
    assert first_difference({"stage_version": 1}, manifest()) is None


def test_a_machine_that_refuses_to_read_is_no_damage(store, monkeypatch):
    """Nobody shall delete what is whole: too many open files, a broken cable, no right to read."""

    def refuse(path: str) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(whole, "_digest", refuse)
    with pytest.raises(ResourceError) as caught:
        store.open(REF).check_bytes()
    assert caught.value.exit_code == 5 and "gc --remove" not in str(caught.value)


def test_a_time_that_lies_ahead_does_not_have_a_file_hashed_again_and_again(store, monkeypatch):
    artifact, hashed = store.open(REF), []
    ahead = time.time() + 10**7
    os.utime(artifact.path / SHARD, (ahead, ahead))
    monkeypatch.setattr(whole, "_SETTLED_NS", -1)
    monkeypatch.setattr(whole, "hash_file", lambda path: hashed.append(path) or disk.hash_file(path))
    for _ in range(3):
        artifact.check_bytes(SHARD)
    assert len(hashed) == 1
