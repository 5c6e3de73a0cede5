"""Chunks of zarr that would fill the memory are refused by what their first bytes say; honest ones are read."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from brainflix.errors import DataError, IntegrityError
from brainflix.io.clip_folder import open_clips
from brainflix.store.arrays import write_array
from brainflix.store.chunk_limits import _claimed, check_chunks
from brainflix.store.refs import Ref
from brainflix.store.store import Store

FRAMES = np.random.default_rng(0).integers(0, 9, (4, 3, 16, 24, 3), dtype=np.uint8)
V3 = {"zstd": ZstdCodec(), "blosc": BloscCodec(), "gzip": GzipCodec(), "none": None}
V2 = {
    "zstd": numcodecs.Zstd(),
    "blosc": numcodecs.Blosc(),
    "gzip": numcodecs.GZip(),
    "zlib": numcodecs.Zlib(),
    "none": None,
}


@pytest.mark.parametrize("kind", V3)
@pytest.mark.parametrize("shards", [None, (2, 3, 16, 24, 3)])
def test_honest_chunks_of_version_3_are_read(tmp_path: Path, kind: str, shards) -> None:
    zarr.create_array(
        str(tmp_path / "x.zarr"), data=FRAMES, chunks=(1, 3, 16, 24, 3), shards=shards, compressors=V3[kind]
    )
    clips = open_clips(tmp_path / "x.zarr")
    assert all(np.array_equal(clips.read(str(n)).frames, FRAMES[n]) for n in range(4))


@pytest.mark.parametrize("kind", V2)
def test_honest_chunks_of_version_2_are_read(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "x.zarr")
    zarr.create_array(path, data=FRAMES, chunks=(1, 3, 16, 24, 3), zarr_format=2, compressors=V2[kind])
    assert np.array_equal(open_clips(tmp_path / "x.zarr").read("2").frames, FRAMES[2])


def test_a_packing_that_cannot_be_looked_through_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "x.zarr")
    zarr.create_array(path, data=FRAMES, chunks=(1, 3, 16, 24, 3), zarr_format=2, compressors=numcodecs.LZMA())
    with pytest.raises(DataError, match="packed by lzma"):
        open_clips(tmp_path / "x.zarr").read("0")


def first_chunk(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(("z", ".z")))


def zeros(kind: str, size: int) -> bytes:
    """Return so many zeros, packed."""
    if kind == "gzip":
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()])
    if kind == "zstd":
        # A frame that states no size, of blocks that each repeat one byte 128 KiB times.
        block = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
        last = ((128 << 10) << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
        return b"\x28\xb5\x2f\xfd\x00\x58" + block * ((size >> 17) - 1) + last
    return bytes(numcodecs.Zstd().encode(bytes(size)))


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd with its size"])
def test_a_chunk_that_unpacks_to_more_than_a_chunk_is_refused(tmp_path: Path, kind: str) -> None:
    codec = V3["gzip" if kind == "gzip" else "zstd"]
    zarr.create_array(str(tmp_path / "x.zarr"), data=FRAMES, chunks=(1, 3, 16, 24, 3), compressors=codec)
    body = zeros(kind, 300 << 20)
    first_chunk(tmp_path / "x.zarr").write_bytes(body)
    assert len(body) < 2_000_000
    with pytest.raises(IntegrityError, match=r"a chunk of x\.zarr unpacks to more than the 3456 bytes"):
        open_clips(tmp_path / "x.zarr").read("0")


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd with its size"])
def test_claims_are_what_comes_out(kind: str) -> None:
    body = memoryview(zeros(kind, 8 << 20))
    assert 8 << 20 <= _claimed(kind.split()[0], body, 1) <= max(8 << 20, 1032 * len(body))
    assert (
        numcodecs.Zstd().decode(body) == bytes(8 << 20) if kind != "gzip" else gzip.decompress(body) == bytes(8 << 20)
    )


@pytest.mark.parametrize("size", [0, 5, 300, 70_000, 200_000])
@pytest.mark.parametrize("kind", ["zstd", "blosc", "gzip"])
def test_claims_of_honest_chunks_are_never_too_small(kind: str, size: int) -> None:
    values = np.random.default_rng(0).integers(0, 9, size, dtype=np.uint8)
    body = memoryview(bytes(V2[kind].encode(values)))
    claimed = _claimed(kind, body, size)
    assert claimed >= size and (kind == "gzip" or claimed == size)


def test_an_array_that_claims_more_than_its_files_explain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    zarr.create_array(str(path), data=FRAMES, chunks=(1, 3, 16, 24, 3))
    said = json.loads((path / "zarr.json").read_text())
    said["shape"][2:4] = said["chunk_grid"]["configuration"]["chunk_shape"][2:4] = [20000, 20000]
    (path / "zarr.json").write_text(json.dumps(said))
    with pytest.raises(IntegrityError, match=r"a chunk of x\.zarr unpacks to far more than its size"):
        open_clips(path).read("0")


def test_an_artifact_that_claims_more_than_its_files_is_damaged(tmp_path: Path) -> None:
    store, ref = Store(tmp_path / "store"), Ref("targets", "x", "0" * 12)
    with store.publish(ref, stage="targets", stage_version=1, parameters={}, inputs={}) as out:
        write_array(out.path, "values", np.ones((5, 4), np.float32), dims=("clip", "axis_1"), layout="tiles")
        found = out.path / "data.zarr" / "values" / "zarr.json"
        said = json.loads(found.read_text())
        said["shape"] = said["chunk_grid"]["configuration"]["chunk_shape"] = [1 << 15, 1 << 15]
        found.write_text(json.dumps(said))
    with pytest.raises(IntegrityError, match=r"targets/x@.* is damaged: .*far more than its size"):
        store.open(ref).load("values")


def test_a_small_array_of_one_row_is_read(tmp_path: Path) -> None:
    array = zarr.create_array(str(tmp_path / "x"), data=np.arange(3.0))
    check_chunks(array, tmp_path / "x", "x")


@pytest.mark.parametrize("size", [0, -3])
def test_chunks_of_no_size_are_one_sentence(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.zarr"
    zarr.create_array(str(path), data=FRAMES, chunks=(1, 3, 16, 24, 3), zarr_format=2)
    said = json.loads((path / ".zarray").read_text())
    said["chunks"][0] = size
    (path / ".zarray").write_text(json.dumps(said))
    with pytest.raises(IntegrityError, match=r"cannot read x\.zarr"):
        open_clips(path)
