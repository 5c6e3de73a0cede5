"""Rows written one by one are the bytes that zarr writes; what is not finished is found."""

from __future__ import annotations

import numpy as np
import pytest
from test_row_files import written

from brainflix.errors import DataError
from brainflix.store.arrays import create_array
from brainflix.store.complete import check_arrays_complete
from brainflix.store.row_files import read_rows
from brainflix.store.row_writer import RowWriter


def create(folder, values, rows):
    dims = tuple(f"d{axis}" for axis in range(values.ndim))
    return create_array(folder, "x", values.shape, values.dtype, dims=dims, layout="rows", rows_per_shard=rows)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int32"])
@pytest.mark.parametrize("chunk_rows", [1, 2, 8])
@pytest.mark.parametrize("shape, rows", [((40, 6), 8), ((43, 6), 8), ((5, 3, 2), 2), ((3, 6), 100), ((1, 6), 1)])
def test_the_bytes_are_zarrs(tmp_path, monkeypatch, dtype, chunk_rows, shape, rows):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    monkeypatch.setattr("brainflix.store.arrays.ROW_CHUNK_BYTES", chunk_rows * values[0].nbytes)
    written(tmp_path / "whole", values, rows)
    with RowWriter(tmp_path / "made", create(tmp_path / "made", values, rows)) as writer:
        for row in values:
            writer.put(row)
    assert files(tmp_path / "made") == files(tmp_path / "whole")
    check_arrays_complete(tmp_path / "made")


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
@pytest.mark.parametrize("chunk_rows", [1, 4])
def test_rows_that_did_not_come_are_found(tmp_path, monkeypatch, count, chunk_rows):
    monkeypatch.setattr("brainflix.store.arrays.ROW_CHUNK_BYTES", chunk_rows * 6 * 4)
    values = np.ones((8, 6), np.float32)
    with RowWriter(tmp_path, create(tmp_path, values, 4)) as writer:
        for row in values[:count]:
            writer.put(row)
    with pytest.raises(DataError, match="'x' was not finished"):
        check_arrays_complete(tmp_path)


@pytest.mark.parametrize(
    "start, stop", [(0, 43), (0, 1), (5, 6), (7, 9), (3, 30), (41, 43), (40, 99), (12, 12), (50, 60)]
)
def test_some_rows_are_read_as_zarr_reads_them(tmp_path, monkeypatch, start, stop):
    monkeypatch.setattr("brainflix.store.arrays.ROW_CHUNK_BYTES", 4 * 5 * 4)
    array, folder = written(tmp_path, np.random.default_rng(0).standard_normal((43, 5)).astype(np.float32), 8)
    assert array.chunks == (4, 5)
    assert np.array_equal(read_rows(array, folder, start, stop), array[start:stop])


def test_damage_is_found_where_it_is_wanted_and_only_there(tmp_path):
    array, folder = written(tmp_path, np.ones((8, 30)), 4)
    path = folder / "c" / "1" / "0"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert np.array_equal(read_rows(array, folder, 0, 4), np.ones((4, 30)))
    with pytest.raises(ValueError, match="checksum"):
        read_rows(array, folder, 3, 5)
