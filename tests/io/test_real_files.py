"""Every real file that comes with the tests, read by the package's readers."""

from __future__ import annotations

import numpy as np
import pytest
from real_files import DATA, needs_data

from brainflix.errors import DataError
from brainflix.io.bids import read_events, read_tsv
from brainflix.io.fetch import manifest
from brainflix.io.gifti import read_func_gii
from brainflix.io.grayordinates import standard
from brainflix.io.legacy import load_npz
from brainflix.io.maps import read_dlabel, read_dscalar, read_ptseries
from brainflix.io.nifti import inside, read_nifti
from brainflix.io.surfaces import CORTEX, check_standard_axis, read_dtseries

pytestmark = needs_data
CONTE = "cifti/Conte69.MyelinAndCorrThickness.32k_fs_LR"


def test_the_full_axis():
    maps = read_dscalar(DATA / "cifti/ones.dscalar.nii")
    assert maps.data.shape == (1, 91282) and (maps.data == 1).all()


def test_conte69_series_lies_on_other_grayordinates():
    series = read_dtseries(DATA / f"{CONTE}.dtseries.nii")
    assert series.data.shape == (2, 60951) and series.cortex().all() and series.tr_s > 0
    with pytest.raises(DataError, match="60951 columns"):
        check_standard_axis(series.structure, series.index, series.voxel, "Conte69")


def test_conte69_maps_equal_the_series():
    maps = read_dscalar(DATA / f"{CONTE}.dscalar.nii")
    series = read_dtseries(DATA / f"{CONTE}.dtseries.nii")
    assert len(maps.names) == 2 and len(set(maps.names)) == 2
    assert np.array_equal(maps.data, series.data) and np.array_equal(maps.index, series.index)


def test_conte69_parcels():
    series = read_ptseries(DATA / f"{CONTE}.ptseries.nii")
    assert series.data.shape == (2, 54) and len(series.names) == 54


def test_conte69_labels_have_names():
    maps, tables = read_dlabel(DATA / "cifti/Conte69.parcellations_VGD11b.32k_fs_LR.dlabel.nii")
    assert maps.data.shape == (3, 64984) and maps.data.dtype == np.int32 and len(tables) == 3


@pytest.mark.parametrize(
    "read, name",
    [
        (read_dtseries, "cifti/ones.dscalar.nii"),
        (read_dscalar, f"{CONTE}.dtseries.nii"),
        (read_ptseries, f"{CONTE}.dtseries.nii"),
        (read_dlabel, "cifti/ones.dscalar.nii"),
        (read_nifti, f"{CONTE}.dtseries.nii"),
        (read_func_gii, "algonauts2021/example.nii"),
        (read_dtseries, "algonauts2021/example.nii"),
    ],
)
def test_a_file_of_another_kind_is_refused(read, name):
    with pytest.raises(DataError):
        read(DATA / name)


@pytest.mark.parametrize("side, structure", zip("LR", CORTEX, strict=True))
def test_medial_walls_agree_with_the_axis(side, structure):
    wall = read_func_gii(DATA / f"grayordinates/{side}.atlasroi.32k_fs_LR.shape.gii")
    axis = standard()
    assert wall.shape == (1, 32492)
    assert np.array_equal(np.flatnonzero(wall[0]), axis.vertex[axis.structure == structure])


def test_the_subcortical_atlas_agrees_with_the_axis():
    atlas = read_nifti(DATA / "grayordinates/Atlas_ROIs.2.nii.gz")
    axis = standard()
    voxels = axis.voxel[axis.vertex < 0]
    assert atlas.data.shape == axis.volume_shape and np.allclose(atlas.affine, axis.affine)
    assert (atlas.data[tuple(voxels.T)] > 0).all() and (atlas.data > 0).sum() == len(voxels)
    series, places = inside(atlas, atlas.data > 0)
    assert series.shape == (1, len(voxels)) and (atlas.data.ravel()[places] == series[0]).all()


def test_the_algonauts_mask():
    mask = read_nifti(DATA / "algonauts2021/example.nii")
    assert mask.data.shape == (78, 93, 71) and mask.data.dtype == np.uint8 and mask.tr_s == 0
    assert np.allclose(np.abs(np.diag(mask.affine)[:3]), [2.5, 2.5, 2.75])


@pytest.mark.parametrize("data_set, n_files", [("ds005165", 26), ("ds004488", 24)])
def test_every_table_of_events(data_set, n_files):
    paths = sorted((DATA / "bids" / data_set).rglob("*_events.tsv"))
    assert len(paths) == n_files
    for path in paths:
        events = read_events(path)
        assert np.isfinite(events.onset_s).all() and (np.diff(events.onset_s) > 0).all()


def test_moments_events_are_the_published_design():
    train = read_events(next((DATA / "bids/ds005165").rglob("*task-train_run-1_events.tsv")))
    test = read_events(next((DATA / "bids/ds005165").rglob("*task-test_run-1_events.tsv")))
    assert (len(train), len(test)) == (100, 113)
    assert train.onset_s[0] == pytest.approx(4.0, abs=0.05) == test.onset_s[0]
    assert np.allclose(np.diff(train.onset_s), 4.0, atol=0.05)


def test_action_events_are_the_published_design():
    paths = sorted((DATA / "bids/ds004488").rglob("sub-01*_events.tsv"))
    clips = [clip for path in paths for clip in read_events(path).column("stim_file")]
    assert len(paths) == 12 and all(len(read_events(path)) == 60 for path in paths)
    assert len(clips) == len(set(clips)) == 720
    assert "response" in read_events(paths[0]).columns


def test_confounds_have_numbers_and_gaps():
    names, rows = read_tsv(next((DATA / "bids/ds005165").rglob("*task-train*confounds_timeseries.tsv")))
    assert len(rows) == 238 and "framewise_displacement" in names
    assert rows[0][names.index("framewise_displacement")] == "" and rows[1][names.index("framewise_displacement")]


def test_the_films_audience():
    arrays = load_npz(DATA / "studyforrest/run8_15subj_common.npz")
    found = next(array for array in arrays.values() if array.ndim == 3)
    assert found.shape == (15, 338, 267) and np.isfinite(found).all()


def test_the_lists_name_real_files():
    files = manifest.manifest_files("ds005165_1.0.4_versionB_fsLR32k_prepared", "https://b.example")
    betas = [file.size or 0 for file in files if file.path.endswith("_normalized.pkl")]
    assert len(betas) == 20 and sum(betas) == pytest.approx(29.36e9, abs=5e6)
