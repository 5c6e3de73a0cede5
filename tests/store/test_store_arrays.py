"""Arrays: layouts, checksums, determinism, and that nothing unfinished is published."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_worlds import REF, contents, publish

from brainflix.errors import DataError, UsageError
from brainflix.store.arrays import ROW_CHUNK_BYTES, TILE_BYTES, chunk_shapes, create_array, row_blocks, write_array
from brainflix.store.store import Store

SHAPES = st.lists(st.integers(1, 5000), min_size=1, max_size=4).map(tuple)


@given(SHAPES, st.sampled_from([1, 2, 4, 8]), st.none() | st.integers(1, 400))
def test_rows_keep_rows_whole_and_divide_a_shard_evenly(shape, itemsize, rows):
    chunk, shard = chunk_shapes(shape, itemsize, "rows", rows)
    assert chunk[1:] == shard[1:] == shape[1:]
    assert shard[0] % chunk[0] == 0
    assert shard[0] <= shape[0] and (rows is None or shard[0] == min(rows, shape[0]))
    assert chunk[0] == 1 or math.prod(chunk) * itemsize <= ROW_CHUNK_BYTES


@given(SHAPES, st.sampled_from([1, 2, 4, 8]))
def test_tiles_keep_all_rows_and_stay_small(shape, itemsize):
    chunk, shard = chunk_shapes(shape, itemsize, "tiles")
    assert shard is None and chunk[0] == shape[0]
    assert all(1 <= part <= size for part, size in zip(chunk, shape, strict=True))
    assert math.prod(chunk) * itemsize <= TILE_BYTES or math.prod(chunk[1:]) == 1


def test_tiles_are_not_needlessly_small():
    chunk, _ = chunk_shapes((4320, 50_000), 2, "tiles")
    assert TILE_BYTES / 2 < math.prod(chunk) * 2 <= TILE_BYTES


def test_a_run_of_91282_grayordinates_is_one_file():
    chunk, shard = chunk_shapes((4320, 91282), 4, "rows", 240)
    assert (chunk[0], shard[0]) == (10, 240)


KINDS = ["float32", "float16", "float64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["rows", "tiles", "whole"])
def test_round_trip_also_of_nan_and_of_chunks_equal_to_the_fill_value(tmp_path, kind, layout):
    data = (np.random.default_rng(1).normal(size=(7, 4, 3)) * 3).astype(kind)
    data[2:5] = np.nan if kind.startswith("float") else 0
    store = Store(tmp_path)
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        write_array(staging.path, "group/x", data, dims="abc", layout=layout, rows_per_shard=2, attrs={"unit": "m"})
    artifact = store.open(REF)
    assert artifact.names() == ("group/x",)
    found = artifact.load("group/x")
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found, data)
    array = artifact.array("group/x")
    assert array.metadata.dimension_names == ("a", "b", "c") and array.attrs["unit"] == "m"
    if kind.startswith("float"):
        assert np.isnan(array.fill_value)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (1,)])
@pytest.mark.parametrize("layout", ["rows", "tiles", "whole"])
def test_odd_shapes(tmp_path, shape, layout):
    if shape == () and layout != "whole":
        with pytest.raises(UsageError):
            chunk_shapes(shape, 4, layout)
        return
    data = np.full(shape, 2.5, np.float32)
    store = Store(tmp_path)
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        write_array(staging.path, "x", data, dims=["d"] * len(shape), layout=layout)
    found = store.open(REF).load("x")
    assert found.shape == shape
    np.testing.assert_array_equal(found, data)


def test_equal_arrays_give_equal_bytes(tmp_path):
    stores = [Store(tmp_path / name) for name in "ab"]
    rng = np.random.default_rng(0)
    big, tiled = rng.normal(size=(60, 2000)).astype("f4"), rng.normal(size=(50, 100_000)).astype("f2")
    for store in stores:
        with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, seed=3) as staging:
            write_array(staging.path, "rows", big, dims="ab", layout="rows", rows_per_shard=21)
            write_array(staging.path, "tiles", tiled, dims="ab", layout="tiles")
    left, right = (contents(store.path(REF)) for store in stores)
    assert left == right and len(left) > 5
    one, other = (replace(store.manifest(REF), created="", wall_s=0.0) for store in stores)
    assert one == other


def test_every_chunk_and_the_index_have_a_crc32c(tmp_path):
    publish(Store(tmp_path))
    artifact = Store(tmp_path).open(REF)
    codec = artifact.json("data.zarr/x/zarr.json")["codecs"][0]
    assert codec["name"] == "sharding_indexed"
    assert (
        codec["configuration"]["codecs"][-1]["name"] == codec["configuration"]["index_codecs"][-1]["name"] == "crc32c"
    )


def test_filling_in_parts(tmp_path):
    store = Store(tmp_path)
    data = np.arange(35, dtype=np.float32).reshape(7, 5)
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        array = create_array(staging.path, "x", (7, 5), "float32", dims="ab", layout="rows", rows_per_shard=3)
        for start in range(0, 7, 3):
            array[start : start + 3] = data[start : start + 3]
    artifact = store.open(REF)
    np.testing.assert_array_equal(artifact.load("x"), data)
    parts = [artifact.array("x")[rows] for rows in row_blocks(artifact.array("x"))]
    np.testing.assert_array_equal(np.concatenate(parts), data)


@pytest.mark.parametrize("layout, written", [("rows", slice(0, 3)), ("rows", slice(0, 0)), ("tiles", slice(0, 0))])
def test_an_unfinished_array_is_not_published(tmp_path, layout, written):
    store = Store(tmp_path)
    with (
        pytest.raises(DataError, match="'x' was not finished"),
        store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}) as staging,
    ):
        array = create_array(staging.path, "x", (7, 5), "float32", dims="ab", layout=layout, rows_per_shard=3)
        array[written] = 1.0
    assert not store.has(REF) and not contents(tmp_path)


def test_a_hole_inside_a_shard_is_not_published(tmp_path):
    store = Store(tmp_path)
    with (
        pytest.raises(DataError, match="1 of its chunks"),
        store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}) as staging,
    ):
        # 3 MiB a row: each chunk is one row, and the second shard hangs over the end of the array
        array = create_array(staging.path, "x", (5, 3 << 20), "uint8", dims="ab", layout="rows", rows_per_shard=3)
        array[0:2] = 1
        array[3:5] = 1
    assert not store.has(REF)


@pytest.mark.parametrize(
    "name, data, dims",
    [
        ("../x", np.zeros(2), "a"),
        ("x/../y", np.zeros(2), "a"),
        ("c", np.zeros(2), "a"),
        ("", np.zeros(2), "a"),
        ("x", np.array(["text"]), "a"),
        ("x", np.array([object()]), "a"),
        ("x", np.zeros(2, complex), "a"),
        ("x", np.zeros(2), "ab"),
    ],
)
def test_bad_arrays_are_usage_errors(tmp_path, name, data, dims):
    with pytest.raises(UsageError):
        write_array(tmp_path, name, data, dims=dims)


def test_an_array_is_written_once(tmp_path):
    write_array(tmp_path, "x", np.zeros(2), dims="a")
    with pytest.raises(UsageError, match="exists already"):
        write_array(tmp_path, "x", np.ones(2), dims="a")
