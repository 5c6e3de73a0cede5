"""CIFTI-2 in and out, and the real files that come with the tests' data folder."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brainflix.demo.world import brain_models
from brainflix.errors import BrainflixError, DataError, IntegrityError, MissingError
from brainflix.io.surfaces import read_dtseries, write_dtseries

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifti"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/data is absent")


def test_round_trip_keeps_values_vertices_and_voxels(tmp_path: Path) -> None:
    models = brain_models()
    data = np.random.default_rng(0).standard_normal((5, len(models))).astype(np.float32)
    write_dtseries(tmp_path / "x.dtseries.nii", data, models, 2.0)
    series = read_dtseries(tmp_path / "x.dtseries.nii")
    assert np.array_equal(series.data, data) and series.tr_s == 2.0
    assert np.array_equal(series.index, models.vertex) and np.array_equal(series.voxel, models.voxel)


def test_truncated_file_is_an_integrity_error(tmp_path: Path) -> None:
    path = tmp_path / "x.dtseries.nii"
    write_dtseries(path, np.ones((5, len(brain_models())), np.float32), brain_models(), 2.0)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(IntegrityError, match="truncated"):
        read_dtseries(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    data = np.ones((5, len(brain_models())), np.float32)
    data[2, 7] = np.nan
    write_dtseries(tmp_path / "x.dtseries.nii", data, brain_models(), 2.0)
    with pytest.raises(DataError, match="finite"):
        read_dtseries(tmp_path / "x.dtseries.nii")


def test_other_files_are_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        read_dtseries(tmp_path / "none.dtseries.nii")
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)), tmp_path / "v.nii")
    with pytest.raises(DataError, match="wb_command"):
        read_dtseries(tmp_path / "v.nii")
    (tmp_path / "junk.dtseries.nii").write_bytes(b"junk")
    with pytest.raises(BrainflixError):
        read_dtseries(tmp_path / "junk.dtseries.nii")


@needs_real
def test_the_demo_axis_agrees_with_the_real_one() -> None:
    axis = nib.load(REAL / "ones.dscalar.nii").header.get_axis(1)
    from brainflix.demo.brains import grayordinates

    for g in grayordinates():
        assert axis.name[g.index] == g.structure
        assert int(axis.vertex[g.index]) == (-1 if g.vertex is None else g.vertex)
        if g.voxel:
            assert tuple(axis.voxel[g.index]) == g.voxel


@needs_real
def test_a_real_dense_series_is_read() -> None:
    series = read_dtseries(REAL / "Conte69.MyelinAndCorrThickness.32k_fs_LR.dtseries.nii")
    assert series.data.shape == (2, 60951) and series.cortex().all()
