"""Infinite values are refused like NaN, with their place and number; the largest finite ones are not."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.io.gifti import read_func_gii
from brainflix.io.grayordinates import models
from brainflix.io.logits import read_features, read_logits
from brainflix.io.nifti import read_nifti
from brainflix.io.surfaces import read_dtseries, write_dtseries
from brainflix.store.checks import check_finite

IDS = ("a", "b", "c")


@pytest.mark.parametrize("read", [read_logits, read_features])
def test_scores_that_overflowed_float16_are_refused_and_the_same_in_float32_are_not(tmp_path: Path, read) -> None:
    scores = np.random.default_rng(0).normal(0, 3e4, (3, 400))
    with np.errstate(over="ignore"):
        halves = scores.astype(np.float16)
    n_infinite = int((np.abs(scores) > 65519).sum())
    assert n_infinite == int(np.isinf(halves).sum()) > 10
    np.savez(tmp_path / "half.npz", logits=halves)
    np.savez(tmp_path / "whole.npz", logits=scores)
    with pytest.raises(DataError, match=rf"half\.npz .*not finite \({n_infinite} infinite of 1200, first in") as caught:
        read(tmp_path / "half.npz", IDS)
    assert caught.value.exit_code == 3
    assert np.array_equal(read(tmp_path / "whole.npz", IDS), scores)
    np.savez(tmp_path / "largest.npz", logits=np.full((3, 2), 65504, np.float16))
    assert (read(tmp_path / "largest.npz", IDS) == 65504).all()


def spoiled(dtype: type = np.float32, shape: tuple[int, ...] = (5, 30)) -> np.ndarray:
    """Return ones with two infinities of both signs and one NaN, of which the first is in row 2, at 7."""
    data = np.ones(shape, dtype)
    data[2, 7], data[3, 1], data[4, 4] = np.inf, -np.inf, np.nan
    return data


FOUND = r"not finite \(1 NaN and 2 infinite of 150, first in row 2, at 7\)"


def write_cifti(path: Path, data: np.ndarray) -> None:
    write_dtseries(path, data, models(np.arange(data.shape[1])), 2.0)


def write_gifti(path: Path, data: np.ndarray) -> None:
    arrays = [nib.gifti.GiftiDataArray(row, datatype="NIFTI_TYPE_FLOAT32") for row in data]
    nib.save(nib.GiftiImage(darrays=arrays), path)


def write_nifti(path: Path, data: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)


@pytest.mark.parametrize(
    ("name", "write", "read"),
    [
        ("x.dtseries.nii", write_cifti, read_dtseries),
        ("x.func.gii", write_gifti, read_func_gii),
        ("x.nii", write_nifti, read_nifti),
        ("x.nii.gz", write_nifti, read_nifti),
    ],
)
def test_brain_data_say_where_and_how_many(tmp_path: Path, name: str, write, read) -> None:
    write(tmp_path / name, spoiled())
    with pytest.raises(DataError, match=FOUND):
        read(tmp_path / name)
    write(tmp_path / name, np.full((5, 30), 3.4e38, np.float32))
    found = read(tmp_path / name)
    assert (np.asarray(getattr(found, "data", found)) == np.float32(3.4e38)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_records_say_the_same(dtype: type) -> None:
    with pytest.raises(DataError, match=FOUND):
        check_finite("response", spoiled(dtype))
    check_finite("response", np.full((5, 30), np.finfo(dtype).max, dtype))
