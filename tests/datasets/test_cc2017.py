"""CC2017 from its files to rows: the run table, the trim, what was planted, and every convention."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dataset_doors import align, download, preprocess, recipe_of

from brainflix.datasets.cc2017 import miniature
from brainflix.datasets.cc2017.about import DATASET
from brainflix.datasets.cc2017.parts import Cc2017DatasetParams
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.surfaces import read_dtseries
from brainflix.parts.dataset import Dataset
from brainflix.preprocess.areas import MIND_ANIMATOR12
from brainflix.store.responses import Responses
from brainflix.store.store import Store

SMALL = ("dataset.n_clips=8", "dataset.axis=any")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, miniature.Planted]:
    folder = tmp_path_factory.mktemp("cc2017")
    return folder, miniature.make(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, files) -> Path:
    place = tmp_path_factory.mktemp("store")
    download(recipe_of("cc2017", *SMALL), place, files[0])
    return place


@pytest.fixture(scope="module")
def wen(store) -> list[Responses]:
    return preprocess(recipe_of("cc2017", *SMALL), store)


def changed(files, tmp_path: Path, name: str) -> tuple[Path, Path]:
    """A copy of subject 1's files, and the one to be spoilt in it."""
    copy = tmp_path / "copy"
    shutil.copytree(files[0] / "Subject01", copy / "Subject01")
    return copy, next(copy.rglob(f"{name}_Atlas.dtseries.nii"))


def adopt_subject(copy: Path, tmp_path: Path) -> None:
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.parts.work import Intake
    from brainflix.settings import load_settings

    place = Store(tmp_path / "store")
    plan = make_plan(
        recipe_of("cc2017", *SMALL), place, Selection("download", "bold", (1,), alone=True), by_hand_blocks=False
    )
    execute(plan, place, load_settings(store=place.root), intake=Intake(tmp_path / "wait", copy))


def test_the_run_table_is_the_published_one():
    counts = [len(DATASET.named_files({}, subject)) for subject in DATASET.subjects]
    assert counts == [86, 86, 85]
    assert "Subject03/video_fmri_dataset/subject3/fmri/test2/cifti/test2_9_Atlas.dtseries.nii" not in [
        file.path for file in DATASET.named_files({}, 3)
    ]
    films = [file for file in DATASET.named_files({}, None) if not file.optional]
    assert len(films) == 23


def test_the_raw_artifact_says_where_it_comes_from(store):
    raw = Store(store).open("raw/cc2017-sub-3")
    said = json.loads(raw.file("provenance.json").read_text())
    assert said["adopted"] and len(said["files"]) == 85 and all(file["trusted_on_first_use"] for file in said["files"])
    assert raw.manifest.notes["licence"].startswith("CC0")
    assert not (store / ".downloads" / "cc2017" / DATASET.revision / "sub-3").exists()


def test_adopting_leaves_the_originals(files, store):
    original = next((files[0] / "Subject01").rglob("seg7_1_Atlas.dtseries.nii"))
    adopted = Store(store).open("raw/cc2017-sub-1").file(str(original.relative_to(files[0])))
    assert adopted.read_bytes() == original.read_bytes() and not adopted.samefile(original)


def test_rows_are_the_published_numbers_at_240_clips(wen):
    one, _, three = wen
    assert (one.n_trials, three.n_trials) == (86 * 8, 85 * 8)
    assert [len(one.clips.of(split)) for split in ("train", "val", "test")] == [17 * 8, 8, 5 * 8]
    assert "test2_9" not in three.run_names and "test2_9" in one.run_names


def expected_rows(path: Path, start: int) -> np.ndarray:
    """Rows from a first kept volume on, by numpy's own fit of the polynomial."""
    series = read_dtseries(path)
    kept = series.data[start : start + 8, series.cortex()].astype(np.float64)
    time = np.linspace(-1, 1, 8)
    residual = kept - np.polynomial.polynomial.polyval(time, np.polynomial.polynomial.polyfit(time, kept, 4)).T
    return residual / residual.std(axis=0, ddof=1)


@pytest.mark.parametrize("run, start", [("seg1_1", 1), ("test1_4", 1), ("test2_3", 2)])
def test_kept_volumes_and_residuals(files, wen, run, start):
    """The first kept volume, and residuals that are orthogonal to the polynomials."""
    path = next((files[0] / "Subject01").rglob(f"{run}_Atlas.dtseries.nii"))
    at = wen[0].run == wen[0].run_names.index(run)
    rows = wen[0].response[at].astype(np.float64)
    assert np.allclose(rows, expected_rows(path, start), atol=2e-3)
    assert np.abs(np.polynomial.legendre.legvander(np.linspace(-1, 1, 8), 4).T @ rows).max() < 2e-3


def test_shared_columns_follow_the_clip_four_seconds_before(files, wen):
    planted, one = files[1], wen[0]
    for segment in ("seg3", "test2"):
        at = [i for i, name in enumerate(one.run_names) if name.startswith(f"{segment}_")]
        rows = np.mean([one.response[one.run == run] for run in at], axis=0)
        time = np.linspace(-1, 1, 8)
        drive = planted.drive[segment]
        residual = drive - np.polyval(np.polyfit(time, drive, 4), time)
        r = np.array([np.corrcoef(residual, column)[0, 1] for column in rows.T])
        assert r[planted.shared].min() > 0.7 and np.abs(r[~planted.shared]).mean() < 0.7


def test_selection_finds_exactly_the_shared_columns(files, wen):
    for one in wen:
        assert np.array_equal(one.masks["selected"], files[1].shared)


def test_noise_ceilings_come_from_the_test_repeats(wen):
    from brainflix.preprocess.noise_ceiling import ncsnr, noise_ceiling

    three = wen[2]
    test = np.flatnonzero(np.isin(three.clip, three.clips.of("test")))
    clips = np.unique(three.clip[test])
    cube = np.full((len(clips), 11, three.n_grayordinates), np.nan)
    cube[np.searchsorted(clips, three.clip[test]), three.repeat[test]] = three.response[test]
    expected = ncsnr(cube[:, 1:])
    assert np.allclose(three.stats["ncsnr_test"], expected, rtol=1e-6, atol=1e-6)
    counts = np.isfinite(cube[:, :, 0]).sum(axis=1)
    assert sorted(set(counts.tolist())) == [9, 10]
    assert np.allclose(three.stats["nc_test"], noise_ceiling(expected, counts), rtol=1e-6, atol=1e-6)


def test_noise_ceilings_are_near_the_planted_ones(wen, files):
    shared = files[1].shared
    snr = np.mean([one.stats["ncsnr_test"] for one in wen], axis=0)
    # Eight volumes less a polynomial of degree four: signal and noise lose alike, the ratio stays near three.
    assert 2.0 < np.median(snr[shared]) < 4.0 and np.median(snr[~shared]) < 0.5


def test_areas_go_by_name(store):
    recipe = recipe_of("cc2017--as-brain-netflix", *SMALL, "preprocess.within=V1,MT,TPOJ1")
    (one,) = preprocess(recipe, store, 1)
    assert set(one.area) == {"V1", "MT", "TPOJ1"} <= set(MIND_ANIMATOR12) and one.masks["selected"].all()


def test_brain_netflix_drops_the_first_clip_of_short_runs(store, wen):
    (one,) = preprocess(recipe_of("cc2017--as-brain-netflix", *SMALL, "preprocess.within=mind-animator12"), store, 1)
    per_run = np.bincount(one.run)
    assert {name: int(n) for name, n in zip(one.run_names, per_run, strict=True)} == {
        name: 8 if name.startswith(("test2", "test3", "test4", "test5")) else 7 for name in one.run_names
    }
    # At full size the same runs lose one clip each: the published 4302 and 1199 clips.
    full, short = Cc2017DatasetParams().n_clips, one.run_names
    segments = {name.split("_")[0]: int(n) - 8 + full for name, n in zip(one.run_names, per_run, strict=True)}
    by_split = [sum(n for name, n in segments.items() if name.startswith(split)) for split in ("seg", "test")]
    assert len(short) > len(segments) and by_split == [4302, 1199]
    assert one.clips.ids[int(one.clip[0])] == "seg1_002"
    assert len(one.rows("test")[0]) == 7 + 4 * 8


def test_mind_animator_ranks_by_t_and_scales_by_ddof_0(store, files, wen):
    (one,) = preprocess(recipe_of("cc2017--as-mind-animator", *SMALL, "preprocess.top_n=20"), store, 1)
    t = wen[0].stats["t"]
    assert set(np.flatnonzero(one.masks["selected"])) == set(np.argsort(-t, kind="stable")[:20])
    assert np.allclose(one.response, wen[0].response * np.sqrt(8 / 7), atol=1e-5)


def test_the_released_second_scaling_uses_test_rows(store):
    changes = ("preprocess.top_n=20", "preprocess.rescale_splits=true")
    (one,) = preprocess(recipe_of("cc2017--as-mind-animator", *SMALL, *changes), store, 1)
    test = np.isin(one.clip, one.clips.of("test"))
    for rows in (one.response[test], one.response[~test]):
        assert np.allclose(rows.mean(axis=0), 0, atol=1e-5) and np.allclose(rows.std(axis=0), 1, atol=1e-4)


def test_mindvideo_scales_by_one_number_of_the_training_rows(store):
    (one,) = preprocess(recipe_of("cc2017--as-mindvideo", *SMALL), store, 1)
    train = np.isin(one.clip, one.clips.of(("train", "val")))
    assert one.response[train].mean() == pytest.approx(0, abs=1e-5)
    assert one.response[train].std() == pytest.approx(1, abs=1e-5)
    assert one.response[~train].std() != pytest.approx(1, abs=1e-5)


def test_another_delay_takes_other_volumes_and_never_twice(store, files):
    (late,) = preprocess(recipe_of("cc2017", *SMALL, "preprocess.delay_s=6", "preprocess.select=all"), store, 1)
    path = next((files[0] / "Subject01").rglob("test2_3_Atlas.dtseries.nii"))
    rows = late.response[late.run == late.run_names.index("test2_3")]
    assert np.allclose(rows, expected_rows(path, 3), atol=2e-3)
    with pytest.raises(DataError, match="leaves clips without a volume"):
        preprocess(recipe_of("cc2017", *SMALL, "preprocess.delay_s=14"), store, 1)


# --- what can be wrong ---


def test_missing_runs_are_named_with_the_steps(files, tmp_path):
    copy, path = changed(files, tmp_path, "seg9_2")
    path.unlink()
    with pytest.raises(MissingError, match=r"1 files of subject 1 of cc2017 are missing: .*seg9_2") as caught:
        adopt_subject(copy, tmp_path)
    assert "1. open https://purr" in caught.value.next and "--from" in caught.value.next


def test_a_file_brought_later_completes_what_waits(files, tmp_path):
    copy, path = changed(files, tmp_path, "seg9_2")
    body = path.read_bytes()
    path.unlink()
    with pytest.raises(MissingError):
        adopt_subject(copy, tmp_path)
    # The end of the path that another subject has too is not enough to know whose it is.
    for home in ("late/fmri", "late/subject1/fmri"):
        late = tmp_path / home / "seg9" / "cifti"
        late.mkdir(parents=True)
        (late / path.name).write_bytes(body)
    with pytest.raises(MissingError):
        adopt_subject(tmp_path / "late/fmri", tmp_path)
    adopt_subject(tmp_path / "late", tmp_path)
    assert Store(tmp_path / "store").open("raw/cc2017-sub-1")


def rewrite(path: Path, change) -> None:
    image = nib.load(path)
    data = np.asarray(image.dataobj).copy()
    axes = [image.header.get_axis(0), image.header.get_axis(1)]
    data, axes = change(data, axes)
    nib.save(nib.Cifti2Image(data, header=axes), path)


def longer(data, axes):
    axes[0].size += 3
    return np.concatenate([data, data[:3]]), axes


def with_nan(data, axes):
    data[2, 3] = np.nan
    return data, axes


def slower(data, axes):
    axes[0].step = 2.5
    return data, axes


def still(data, axes):
    data[:, ::9] = 1
    return data, axes


@pytest.mark.parametrize(
    "change, message",
    [(longer, "has 16 volumes"), (with_nan, "not finite"), (slower, "2.5 s, not 2.0 s"), (still, "is constant in")],
)
def test_content_that_is_wrong_is_found_before_it_is_published(files, tmp_path, change, message):
    copy, path = changed(files, tmp_path, "test1_3")
    rewrite(path, change)
    with pytest.raises(DataError, match=message):
        adopt_subject(copy, tmp_path)
    assert not Store(tmp_path / "store").refs("raw")


def test_a_truncated_run_is_an_integrity_error(files, tmp_path):
    copy, path = changed(files, tmp_path, "test1_3")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(IntegrityError, match="truncated"):
        adopt_subject(copy, tmp_path)


def test_a_cut_of_the_axis_is_refused_unless_asked_for(files, tmp_path):
    from brainflix.datasets.cc2017.check import check

    with pytest.raises(DataError, match="standard 91282"):
        check(files[0], {"n_clips": 8, "axis": "91282"}, 1)


def test_a_film_of_another_length_is_refused(files, tmp_path):
    from brainflix.datasets.cc2017.check import check

    with pytest.raises(DataError, match=r"lasts 16\.00 s instead of 18 s"):
        check(files[0], {"n_clips": 9, "axis": "any"}, None)


def test_runs_of_different_spaces_do_not_mix(files, tmp_path, store):
    from brainflix.datasets.cc2017.cleaning import preprocess as clean
    from brainflix.datasets.cc2017.layout import find_runs
    from brainflix.datasets.cc2017.parts import Cc2017Params
    from brainflix.progress import Silent

    copy, path = changed(files, tmp_path, "seg1_2")
    rewrite(path, lambda data, axes: (data[:, ::-1].copy(), [axes[0], axes[1][::-1]]))
    n_clips = dict.fromkeys((f"{kind}{n}" for kind in ("seg", "test") for n in range(1, 19)), 8)
    with pytest.raises(DataError, match="other grayordinates"):
        clean(find_runs(copy, 1), n_clips, 2.0, Cc2017Params(), progress=Silent())


def test_the_declaration_is_complete():
    dataset: Dataset = DATASET
    assert dataset.citation.startswith("@article") and dataset.traps and dataset.steps and not dataset.checked_on
    assert dataset.size_bytes == pytest.approx(257 * (245 * 91282 * 4 + 0.63e6), rel=0.01)


def test_the_lag_scan_of_the_command_line_returns_the_planted_four_seconds(store, files, capfd):
    from brainflix.cli.app import invoke

    changes = [word for change in SMALL for word in ("--set", change)]
    arguments = ["align", "cc2017", "--lag-scan", "--subject", "1", "--store", str(store), *changes, "--json"]
    assert invoke(arguments) == 0
    found = json.loads(capfd.readouterr().out)["subjects"]["1"]
    best = int(np.argmax(found["explained"]))
    assert found["delays_s"][best] == files[1].delay_s == 4.0 and found["n_runs"] == 12 and found["p"] < 0.05


def test_one_subjects_data_under_anothers_name_are_found_when_subjects_meet(files, tmp_path):
    """Subject 2's files are subject 1's: nothing else can tell, so align refuses."""
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.settings import load_settings

    copy = tmp_path / "copy"
    shutil.copytree(files[0] / "Stimuli", copy / "Stimuli")
    shutil.copytree(files[0] / "Subject01", copy / "Subject01")
    home = copy / "Subject02/video_fmri_dataset"
    shutil.copytree(files[0] / "Subject01/video_fmri_dataset/subject1", home / "subject2")
    recipe, store = recipe_of("cc2017", *SMALL, "dataset.subjects=[1, 2]"), Store(tmp_path / "store")
    download(recipe, store.root, copy)
    preprocess(recipe, store.root)
    plan = make_plan(recipe, store, Selection("align", "ridge", alone=True))
    with pytest.raises(IntegrityError, match="the very same data: run seg1_1 of one is run seg1_1 of the other"):
        execute(plan, store, load_settings(store=store.root))


def test_real_subjects_align_with_a_picture(store, wen):
    maps, aligned = align(recipe_of("cc2017", *SMALL), store, "procrustes")
    assert len(aligned) == 3 and len({one.manifest.notes["n_columns"] for one in aligned}) == 1
    # Eight validation clips are too few for segments of nine, and no figure is drawn from them.
    assert not (maps.path / "agreement.png").exists()
