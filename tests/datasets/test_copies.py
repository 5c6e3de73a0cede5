"""Runs and repeats that are copies, in data sets' own files: what is selected and averaged without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dataset_doors import download, preprocess, recipe_of

from brainflix.datasets.cc2017 import miniature
from brainflix.datasets.cc2017.arrays_layout import SEGMENTS
from brainflix.datasets.cc2017.arrays_layout import load_clips as arrays_clips
from brainflix.datasets.cc2017.arrays_rows import _runs
from brainflix.datasets.cc2017.cleaning import Cleaned, reproducibility, segment_ceilings, selected
from brainflix.datasets.cc2017.cleaning import preprocess as clean
from brainflix.datasets.cc2017.layout import REPEATS, find_runs
from brainflix.datasets.cc2017.parts import Cc2017Params
from brainflix.errors import IntegrityError
from brainflix.preprocess.noise_ceiling import ncsnr
from brainflix.progress import Silent
from brainflix.store.store import Store

SMALL = ("dataset.n_clips=8", "dataset.axis=any", "dataset.subjects=[1]")
N_CLIPS = dict.fromkeys(REPEATS, 8)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, miniature.Planted]:
    folder = tmp_path_factory.mktemp("cc2017")
    return folder, miniature.make(folder, subjects=(1,))


@pytest.fixture
def spoilt(files, tmp_path) -> Path:
    shutil.copytree(files[0], tmp_path / "data", copy_function=shutil.copyfile)
    return tmp_path / "data"


def run_of(folder: Path, name: str) -> Path:
    return next(folder.rglob(f"{name}_Atlas.dtseries.nii"))


def cleaned(folder: Path, **params: object) -> Cleaned:
    return clean(find_runs(folder, 1), N_CLIPS, 2.0, Cc2017Params(**params), progress=Silent())


def names(one: Cleaned) -> list[str]:
    return [f"{segment}_{repeat}" for segment, repeat in zip(one.segment, one.repeat, strict=True)]


def test_a_copied_run_does_not_decide_what_is_selected(files, spoilt, tmp_path):
    """Through the doors: 124 columns were planted, and the 17 other segments find them."""
    shutil.copyfile(run_of(spoilt, "seg1_1"), run_of(spoilt, "seg1_2"))
    recipe, store = recipe_of("cc2017", *SMALL), tmp_path / "store"
    download(recipe, store, spoilt, 1)
    (one,) = preprocess(recipe, store, 1)
    assert np.array_equal(one.masks["selected"], files[1].shared) and files[1].shared.sum() == 124
    assert "seg1_1" in one.run_names and "seg1_2" not in one.run_names and one.n_trials == 85 * 8
    notes = Store(store).open("bold/cc2017-sub-1").manifest.notes
    assert notes["copied_repeats"] == ["seg1_2 is a copy of seg1_1"]


def test_equal_values_in_another_file_are_a_copy_too(files, spoilt):
    """Written anew in double precision and with another first volume, which the trim drops."""
    image = nib.load(run_of(spoilt, "seg1_1"))
    data = np.asarray(image.dataobj, np.float64).copy()
    data[0] += 5
    nib.save(nib.Cifti2Image(data, image.header), run_of(spoilt, "seg1_2"))
    one = cleaned(spoilt)
    assert one.seen.copied == ["seg1_2 is a copy of seg1_1"] and one.z.shape[0] == 17
    assert np.array_equal(selected(reproducibility(one, Cc2017Params()), Cc2017Params()), files[1].shared)


def test_where_every_second_run_is_a_copy_nothing_is_selected(spoilt):
    for number in range(1, 19):
        shutil.copyfile(run_of(spoilt, f"seg{number}_1"), run_of(spoilt, f"seg{number}_2"))
    with pytest.raises(IntegrityError, match="fewer than two training segments have two repeats") as caught:
        reproducibility(cleaned(spoilt), Cc2017Params())
    assert caught.value.exit_code == 4 and "seg1_2 is a copy of seg1_1" in caught.value.why


def test_a_copy_of_another_segments_run_is_refused(spoilt):
    shutil.copyfile(run_of(spoilt, "seg3_2"), run_of(spoilt, "seg7_1"))
    with pytest.raises(IntegrityError, match="seg7_1 is a copy of seg3_2, which shows other clips"):
        cleaned(spoilt)


def test_copied_test_repeats_count_once_in_averages_and_ceilings(files, spoilt):
    before = cleaned(files[0])
    for repeat in (4, 7):
        shutil.copyfile(run_of(spoilt, "test2_1"), run_of(spoilt, f"test2_{repeat}"))
    one = cleaned(spoilt)
    left = [number for number, name in enumerate(names(before)) if name not in ("test2_4", "test2_7")]
    assert names(one) == [names(before)[number] for number in left]
    starts = np.concatenate([[0], np.cumsum(before.clips_per_run)])
    assert np.array_equal(one.rows, np.concatenate([before.rows[starts[n] : starts[n + 1]] for n in left]))
    cube = np.full((5 * 8, 10, one.rows.shape[1]), np.nan)
    place = np.concatenate([[0], np.cumsum(one.clips_per_run)])
    for number, (segment, repeat) in enumerate(zip(one.segment, one.repeat, strict=True)):
        if segment.startswith("test"):
            first = 8 * (int(segment[4:]) - 1)
            cube[first : first + 8, repeat - 1] = one.rows[place[number] : place[number + 1]]
    assert np.allclose(segment_ceilings(one)["ncsnr_test"], ncsnr(cube), rtol=1e-6, atol=1e-6)


def test_a_constant_run_is_named_and_does_not_hide_the_others(files, spoilt):
    image = nib.load(run_of(spoilt, "seg2_2"))
    nib.save(nib.Cifti2Image(np.zeros(image.shape, np.float32), image.header), run_of(spoilt, "seg2_2"))
    one = cleaned(spoilt)
    assert one.seen.notes() == {"constant_runs": ["seg2_2"]} and not one.constant.any()
    assert np.array_equal(selected(reproducibility(one, Cc2017Params()), Cc2017Params()), files[1].shared)


def test_one_segments_copied_repeat_of_released_arrays_is_found():
    """Subject 3 was scanned nine times on test2 alone: a tenth repeat is a copy there and nowhere else."""
    from brainflix.preprocess.presentations import Presentations, counted

    values = np.random.default_rng(0).standard_normal((1200, 10, 5)).astype(np.float32)
    second = slice(240, 480)
    values[second, 9] = values[second, 8]
    seen = Presentations()
    left = list(counted(_runs("test", values, arrays_clips(Path(), 2.0)), seen))
    assert seen.copied == ["test2_10 is a copy of test2_9"]
    assert len(left) == 49 and {run.name.split("_")[0] for run in left} == {s for s in SEGMENTS if s.startswith("test")}
