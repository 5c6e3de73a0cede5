"""The fast way to read rows gives what zarr gives, or the same refusal."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from brainflix.store.arrays import write_array
from brainflix.store.row_files import read_rows


def written(folder, values, rows, layout="rows"):
    dims = tuple(f"d{axis}" for axis in range(values.ndim))
    write_array(folder, "x", values, dims=dims, layout=layout, rows_per_shard=rows if layout == "rows" else None)
    return zarr.open_array(folder / "data.zarr" / "x", mode="r"), folder / "data.zarr" / "x"


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int32", "bool"])
@pytest.mark.parametrize(
    "shape, rows", [((40, 7), 8), ((43, 7), 8), ((5, 3, 2), 2), ((3, 9), 100), ((9,), 4), ((1, 1), 1)]
)
def test_equal_to_zarr(tmp_path, dtype, shape, rows):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    array, folder = written(tmp_path, values, rows)
    found = read_rows(array, folder)
    assert found is not None and found.dtype == array.dtype and np.array_equal(found, array[...])


def test_several_chunks_in_a_shard_with_a_partial_end(tmp_path, monkeypatch):
    monkeypatch.setattr("brainflix.store.arrays.ROW_CHUNK_BYTES", 5 * 4 * 2)
    values = np.random.default_rng(0).standard_normal((37, 5)).astype(np.float32)
    array, folder = written(tmp_path, values, 10)
    assert array.chunks == (2, 5) and array.shards == (10, 5)
    assert np.array_equal(read_rows(array, folder), values)


@pytest.mark.parametrize("layout", ["tiles", "whole"])
def test_other_layouts_are_left_to_zarr(tmp_path, layout):
    array, folder = written(tmp_path, np.ones((4, 5)), None, layout)
    assert read_rows(array, folder) is None


@pytest.mark.parametrize("place", [10, 500, -3, -30])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, place):
    array, folder = written(tmp_path, np.random.default_rng(0).standard_normal((8, 30)), 8)
    path = folder / "c" / "0" / "0"
    body = bytearray(path.read_bytes())
    body[place] ^= 4
    path.write_bytes(bytes(body))
    with pytest.raises(ValueError, match=r"wrong|damaged|absent"):
        read_rows(array, folder)


def test_a_missing_shard_and_a_truncated_one(tmp_path):
    array, folder = written(tmp_path, np.ones((8, 30)), 4)
    path = folder / "c" / "1" / "0"
    body = path.read_bytes()
    path.write_bytes(body[:100] + body[-20:])
    with pytest.raises((ValueError, OSError)):
        read_rows(array, folder)
    path.unlink()
    with pytest.raises(OSError):
        read_rows(array, folder)
