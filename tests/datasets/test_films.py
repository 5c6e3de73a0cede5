"""Data sets of continuous films: HCP 7T, Fudan, Algonauts 2025, from their files to rows."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from dataset_doors import align, download, preprocess, recipe_of

from brainflix.datasets.algonauts2025 import layout as algonauts2025_layout
from brainflix.datasets.algonauts2025 import miniature as algonauts2025
from brainflix.datasets.algonauts2025.about import DATASET as SERIES
from brainflix.datasets.fudan import layout as fudan_layout
from brainflix.datasets.fudan import miniature as fudan
from brainflix.datasets.fudan.about import DATASET as FUDAN
from brainflix.datasets.hcp7t import layout as hcp7t_layout
from brainflix.datasets.hcp7t import miniature as hcp7t
from brainflix.datasets.hcp7t.about import DATASET as HCP
from brainflix.errors import DataError, IntegrityError, MissingError, UsageError
from brainflix.io.fetch.annex import key_of, pointer_of
from brainflix.io.fetch.digest import digest_of
from brainflix.io.surfaces import read_dtseries, write_dtseries
from brainflix.preprocess.areas import MIND_ANIMATOR12
from brainflix.preprocess.pictures import crop_box, resized_mask, to_columns
from brainflix.preprocess.timeline import answering_volumes, clip_of_volume, minmax
from brainflix.store.responses import Responses
from brainflix.store.windows import windowed
from brainflix.testing.server import serve

# --- time ---


@pytest.mark.parametrize("tr_s, delay_s", [(1.0, 4.0), (1.49, 4.47), (2.0, 4.0), (0.8, 4.0), (1.49, 5.0)])
def test_volumes_against_a_naive_loop(tr_s, delay_s):
    onset = np.arange(40) * tr_s
    found = answering_volumes(onset, tr_s, delay_s, 38)
    for clip, start in enumerate(onset):
        distances = [abs(volume * tr_s - (start + delay_s)) for volume in range(60)]
        # Of two volumes that are equally near the later one, up to rounding.
        nearest = max(v for v in range(60) if distances[v] <= min(distances) + 1e-9)
        assert found[clip] == (nearest if nearest < 38 else -1)
    back = clip_of_volume(found, np.arange(40) + 7, 38)
    assert all(back[volume] == clip + 7 for clip, volume in enumerate(found) if volume >= 0)
    assert (back == -1).sum() == 38 - (found >= 0).sum()


def test_clips_closer_than_volumes_are_refused():
    with pytest.raises(DataError, match="two clips are answered by one volume"):
        clip_of_volume(np.array([3, 3]), np.array([0, 1]), 9)


def test_minmax_of_a_run():
    rows = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 0.0], [2.0, 5.0, 8.0]])
    assert np.allclose(minmax(rows), [[0, 0, 0.25], [1, 0, 0], [0.5, 0, 1]])


# --- HCP 7T ---


@pytest.fixture(scope="module")
def seven(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hcp")
    planted = hcp7t.make(folder)
    place = tmp_path_factory.mktemp("store")
    download(recipe_of("hcp7t"), place, folder, 100610)
    return folder, planted, place


def test_the_table_of_seconds_is_the_published_one():
    clips = hcp7t_layout.load_clips(Path(), 1.0)
    assert len(clips) == 3040 and clips.ids[0] == "clip_1" and clips.ids[-1] == "clip_3040"
    per_movie = [sum(name.startswith(movie.name) for name in clips.segment) for movie in hcp7t_layout.MOVIES]
    assert per_movie == [728, 792, 745, 775]
    assert (clips.onset_s[0], clips.onset_s[1]) == (26.0, 27.0)
    counts = np.unique(clips.dup_group, return_counts=True)[1]
    assert (counts == 4).sum() == 76 and len(clips.of("test")) == 304
    assert all(stop % 24 == start % 24 == 0 for movie in hcp7t_layout.MOVIES for start, stop in movie.intervals)


def test_every_volume_is_a_row_and_answers_the_second_four_before(seven):
    (one,) = preprocess(recipe_of("hcp7t"), seven[2], 100610)
    planted = seven[1]
    assert one.n_trials == 921 + 918 + 915 + 901
    assert set(one.area) == set(MIND_ANIMATOR12)
    first = np.flatnonzero(one.run == 0)
    answered = first[one.clip[first] >= 0]
    seconds = one.clips.onset_s[one.clip[answered]].astype(int)
    assert np.array_equal(answered, seconds + 4) and len(answered) == 728
    areas = [bool(area) for area in _areas(planted)]
    shared = planted.shared[areas][: one.n_grayordinates]
    r = [np.corrcoef(planted.drive["MOVIE1"][seconds], one.response[answered, c])[0, 1] for c in range(len(shared))]
    assert np.min(np.array(r)[shared]) > 0.7 and np.abs(np.array(r)[~shared]).max() < 0.2


def _areas(planted):
    from brainflix.io.grayordinates import standard

    area = standard().area[planted.columns[: planted.n_cortex]]
    return [name if name in MIND_ANIMATOR12 else "" for name in area]


def test_the_montage_is_one_test_set_with_four_repeats(seven):
    (one,) = preprocess(recipe_of("hcp7t"), seven[2], 100610)
    test = np.flatnonzero(np.isin(one.clip, one.clips.of("test")))
    assert len(test) == 4 * 76 and sorted(set(one.repeat[test].tolist())) == [1, 2, 3, 4]
    assert len(one.rows("test")[0]) == 76
    snr = one.stats["ncsnr_test"]
    shared = seven[1].shared[[bool(area) for area in _areas(seven[1])]]
    # Signal 2 over noise 1, less what the scaling of whole runs changes.
    assert snr[shared].mean() == pytest.approx(2.0, abs=0.3) and snr[~shared].mean() < 0.4


def test_mind_animators_scaling_is_from_0_to_1(seven):
    recipe = recipe_of("hcp7t--as-mind-animator", "dataset.variant=msmall-clean")
    (one,) = preprocess(recipe, seven[2], 100610)
    for run in range(4):
        rows = one.response[one.run == run]
        assert rows.min() == 0 and rows.max() == 1 and np.allclose(rows.max(axis=0), 1)


@pytest.mark.parametrize("what", ["length", "time"])
def test_runs_that_are_not_what_they_should_be(seven, tmp_path, what):
    from brainflix.io.grayordinates import models

    folder = tmp_path / "files"
    hcp7t.make(folder)
    path = folder / hcp7t_layout.run_path(100610, hcp7t_layout.MOVIES[1], "msmall-clean")
    data = read_dtseries(path).data
    write_dtseries(
        path, data[:-1] if what == "length" else data, models(seven[1].columns), 1.0 if what == "length" else 2.0
    )
    download(recipe_of("hcp7t"), tmp_path / "store", folder, 100610)
    with pytest.raises(DataError, match="917 volumes" if what == "length" else r"2\.0 s, not 1\.0 s"):
        preprocess(recipe_of("hcp7t"), tmp_path / "store", 100610)


def test_a_variant_that_is_not_there_is_named(seven, tmp_path):
    with pytest.raises(MissingError, match=r"_Atlas\.dtseries\.nii"):
        download(recipe_of("hcp7t", "dataset.variant=atlas"), tmp_path, seven[0], 100610)


# --- Fudan ---


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fudan")
    planted = fudan.make(folder)
    place = tmp_path_factory.mktemp("store")
    for subject in (1, 2):
        download(recipe_of("fudan"), place, folder, subject)
    return folder, planted, place


SMALL = ("preprocess.size_px=32",)


def test_runs_and_conditions_are_the_published_ones():
    assert [fudan_layout.runs_of(1, condition) for condition in (1, 4, 7)] == [(1,), (4,), (7,)]
    short = {
        split: [r for c in numbers for r in fudan_layout.runs_of(3, c)]
        for split, numbers in fudan_layout.CONDITIONS.items()
    }
    assert sorted(short["train"] + short["val"]) == [*range(5, 13), *range(17, 29)]
    assert sorted(short["test"]) == [*range(1, 5), *range(13, 17)]
    assert len(FUDAN.named_files({}, 1)) == 7 and len(FUDAN.named_files({}, 2)) == 28


def test_clips_are_two_of_each_film_with_captions(pictures):
    from brainflix.store.store import Store

    clips = FUDAN.load_clips(Store(pictures[2]).open("raw/fudan-stimuli").path)
    assert [len(clips.of(split)) for split in ("train", "val", "test")] == [4 * 8 * 2, 8 * 2, 8 * 2]
    assert clips.onset_s[:2].tolist() == [0.0, 4.0] and clips.caption[0] == f"film {clips.segment[0]}"


@pytest.mark.parametrize("subject", [1, 2])
def test_a_clips_five_volumes_are_its_window(pictures, subject):
    (one,) = preprocess(recipe_of("fudan", *SMALL), pictures[2], subject)
    wide = windowed(one, (0, 1, 2, 3, 4))
    width = one.n_grayordinates
    at = np.flatnonzero(one.clip >= 0)
    levels = np.stack([wide.response[at][:, k * width : (k + 1) * width].mean(axis=1) for k in range(5)], axis=1)
    drive = np.array([pictures[1].drive[one.clips.ids[c]] for c in one.clip[at]])
    for k in range(5):
        assert np.corrcoef(levels[:, k], drive)[0, 1] > 0.8
    repeats = {int(c): one.repeat[one.clip == c].tolist() for c in one.clips.of("test")}
    assert sum(value == [1, 2] for value in repeats.values()) >= len(repeats) - 2


def test_a_short_run_loses_its_last_clips_and_says_so(pictures):
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.progress import Silent
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    said: list[str] = []

    class Talk(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    store = Store(pictures[2])
    recipe = recipe_of("fudan", "preprocess.size_px=24")
    plan = make_plan(recipe, store, Selection("preprocess", subjects=(2,), alone=True))
    execute(plan, store, load_settings(store=store.root), progress=Talk())
    assert any("3 clips are left out" in text for text in said)
    notes = store.open("bold/fudan-sub-2").manifest.notes
    assert notes["n_clips_cut_off"] == 3 and notes["n_values_filled_with_0"] == 0


def test_pixels_without_a_score_are_counted(tmp_path):
    from brainflix.store.store import Store

    fudan.make(tmp_path / "files", subjects=(1,))
    with h5py.File(tmp_path / "files" / fudan_layout.run_path(1, 2), "a") as file:
        n_rows = len(file["images"]) - 8
        file["images"][20, 20, 10] = np.nan
        file["images"][:, 25, 12] = 7
    download(recipe_of("fudan"), tmp_path / "store", tmp_path / "files", 1)
    (one,) = preprocess(recipe_of("fudan", *SMALL), tmp_path / "store", 1)
    notes = Store(tmp_path / "store").open("bold/fudan-sub-1").manifest.notes
    assert notes["n_values_filled_with_0"] == 2 * n_rows and np.isfinite(one.response).all()


def test_pictures_are_cropped_scaled_resized_and_masked_in_this_order(pictures):
    """A run against the recipe written down with numpy and OpenCV, whole."""
    (one,) = preprocess(recipe_of("fudan", *SMALL), pictures[2], 2)
    visual = pictures[1].visual
    with h5py.File(pictures[0] / fudan_layout.run_path(2, 5)) as file:
        data = file["images"][8:].astype(np.float64)
    scored = (data - data.mean(axis=0)) / data.std(axis=0, ddof=1)
    crop = scored[:, 15 - 10 : 44 + 10 + 1, 4 - 1 : 29 + 1 + 1]
    mask = cv2.resize(visual[5:55, 3:31].astype(np.uint8), (32, 32), interpolation=cv2.INTER_NEAREST).astype(bool)
    expected = np.stack([cv2.resize(f.astype(np.float32), (32, 32), interpolation=cv2.INTER_LINEAR) for f in crop])
    rows = one.response[one.run == one.run_names.index("run-5")]
    assert np.array_equal(one.index, np.flatnonzero(mask))
    assert np.allclose(rows, expected[:, mask], atol=1e-5)
    back = np.zeros((len(rows), 32 * 32))
    back[:, one.index] = rows
    assert np.allclose(back.reshape(-1, 32, 32), np.where(mask, expected, 0), atol=1e-5)


def test_the_released_crop_ignores_the_first_row_and_column():
    inside = np.zeros((30, 30), bool)
    inside[0, 5] = inside[20, 0] = inside[15, 12] = True
    assert crop_box(inside) == (slice(0, 31), slice(0, 14))
    assert crop_box(inside, ignore_first=True) == (slice(5, 31), slice(4, 14))
    with pytest.raises(DataError, match="empty"):
        crop_box(np.zeros((3, 3), bool))
    mask = resized_mask(inside, 10)
    assert to_columns(np.ones((2, 30, 30)), mask).shape == (2, int(mask.sum()))


class Touches:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_malicious_captions_are_refused(pictures, tmp_path):
    mark = tmp_path / "mark"
    raw = tmp_path / "raw"
    (raw / fudan_layout.CAPTIONS).parent.mkdir(parents=True)
    np.save(raw / fudan_layout.CAPTIONS, np.array([Touches(mark)], dtype=object))
    with pytest.raises(IntegrityError, match="holds a call to"):
        fudan_layout.captions(raw)
    assert not mark.exists() and pickle.dumps(1)


def test_pictures_of_another_size_are_refused(pictures, tmp_path):
    import shutil

    folder = tmp_path / "files"
    shutil.copytree(pictures[0], folder)
    with h5py.File(folder / fudan_layout.run_path(1, 3), "w") as file:
        file["images"] = np.zeros((40, 9, 9), np.float32)
    download(recipe_of("fudan"), tmp_path / "store", folder, 1)
    with pytest.raises(DataError, match=r"pictures of \(9, 9\)"):
        preprocess(recipe_of("fudan", *SMALL), tmp_path / "store", 1)


# --- Algonauts 2025 ---


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    planted = algonauts2025.make(folder)
    place = tmp_path_factory.mktemp("store")
    subjects_only(folder, place, 1, 2)
    return folder, planted, place


def subjects_only(folder: Path, place: Path, *subjects: int, agreed: bool = True):
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.parts.work import DOWNLOADS, Intake
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    store = Store(place)
    plan = make_plan(
        recipe_of("algonauts2025"), store, Selection("download", "bold", subjects, alone=True), by_hand_blocks=False
    )
    intake = Intake(store.root / DOWNLOADS, folder, agreed)
    with pytest.MonkeyPatch.context() as patch:
        # A miniature is not the published files, whose keys are known.
        own = {each: keys_in(folder, each) for each in subjects}
        patch.setattr(algonauts2025_layout, "KEYS", algonauts2025_layout.KEYS | own)
        return [store.open(done.ref) for done in execute(plan, store, load_settings(store=place), intake=intake)]


PATHS = algonauts2025_layout.friends_path, algonauts2025_layout.movies_path


def keys_in(folder: Path, subject: int) -> tuple[str, ...]:
    """The annex keys of a folder's two files: those of pointers, or of what lies there."""
    places = [folder / str(path(subject)) for path in PATHS]
    return tuple(
        key_of(place) if pointer_of(place) else f"MD5E-s{place.stat().st_size}--{digest_of(place, 'md5')[4:]}.h5"
        for place in places
    )


def test_terms_are_asked_for_once_and_written_down(series, tmp_path):
    with pytest.raises(UsageError, match="comes under terms") as caught:
        subjects_only(series[0], tmp_path, 1, agreed=False)
    assert "--i-agree algonauts2025" in caught.value.next
    (raw,) = subjects_only(series[0], tmp_path, 1, agreed=True)
    said = raw.json("provenance.json")["agreement"]
    assert said["url"] == SERIES.terms_url and said["agreed"] and len(said["terms_sha256"]) == 64
    assert subjects_only(series[0], tmp_path, 2, agreed=False)


def test_episodes_come_in_the_order_of_the_story(series):
    (one,) = preprocess(recipe_of("algonauts2025"), series[2], 1)
    assert one.run_names == (
        *("s01e01a_1", "s01e01b_1", "s01e02a_1", "s01e10a_1", "s02e01a_1", "s06e01a_1"),
        *("bourne01_1", "life01_1", "life01_2", "life02_1", "life02_2", "figures01_1", "figures01_2"),
    )
    for (segment, repeat), values in series[1].values[1].items():
        rows = one.response[one.run == one.run_names.index(f"{segment}_{repeat}")]
        assert np.array_equal(rows, values[5:-5])


def test_rows_answer_the_clip_three_volumes_before(series):
    (one,) = preprocess(recipe_of("algonauts2025"), series[2], 1)
    run = np.flatnonzero(one.run == 2)
    ids = [one.clips.ids[c] for c in one.clip[run]]
    assert ids[0] == "s01e02a_0003" and ids[-1] == "s01e02a_0016" and len(run) == 24 - 10
    assert [len(one.clips.of(split)) for split in ("train", "val", "test")] == [6 * 24, 24, 3 * 24]
    life = np.flatnonzero(np.isin(one.clip, one.clips.of("test")))
    assert sorted(set(one.repeat[life].tolist())) == [1, 2]


def test_a_missing_episode_is_simply_absent(series):
    (two,) = preprocess(recipe_of("algonauts2025"), series[2], 2)
    assert "s01e02a_1" not in two.run_names and len(two.run_names) == 12


def test_an_annexed_clone_gives_keys_that_are_fetched_and_checked(series, tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    with serve() as site:
        monkeypatch.setattr(algonauts2025_layout, "REMOTE", site.url)
        for file in SERIES.named_files({}, 1):
            body = (series[0] / file.path).read_bytes()
            key = f"MD5E-s{len(body)}--{hashlib.md5(body).hexdigest()}.h5"
            site.put(key, body)
            link = clone / file.path
            link.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(f"../../../.git/annex/objects/Aa/Bb/{key}/{key}", link)
        (raw,) = subjects_only(clone, tmp_path / "store", 1)
    for file in SERIES.named_files({}, 1):
        assert raw.file(file.path).read_bytes() == (series[0] / file.path).read_bytes()
    assert all(each["published_digest"].startswith("md5:") for each in raw.json("provenance.json")["files"])


@pytest.mark.parametrize("key", ["ses-1_task-other01", "nonsense", "ses-001_task-s01e01"])
def test_keys_that_name_no_run_are_refused(key):
    with pytest.raises(DataError, match="names no run"):
        algonauts2025_layout.read_keys([key])


@pytest.mark.parametrize("change", ["parcels", "nan", "cut"])
def test_bad_parcels_are_one_sentence(series, tmp_path, change):
    import shutil

    folder = tmp_path / "files"
    shutil.copytree(series[0], folder)
    path = folder / algonauts2025_layout.movies_path(1)
    with h5py.File(path, "a") as file:
        if change == "parcels":
            file["ses-009_task-wolf01"] = np.zeros((24, 7), np.float32)
        else:
            file["ses-009_task-wolf01"] = np.full((24, 1000), np.nan, np.float32)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
    subjects_only(folder, tmp_path / "store", 1)
    with pytest.raises(IntegrityError if change == "cut" else DataError):
        preprocess(recipe_of("algonauts2025"), tmp_path / "store", 1)


@pytest.mark.parametrize("dataset", [HCP, FUDAN, SERIES])
def test_declarations_are_complete(dataset):
    assert dataset.citation.startswith("@") and dataset.traps and dataset.splits and dataset.repeats and dataset.steps
    assert dataset.shapes and dataset.space and dataset.licence and not dataset.checked_on and not dataset.simulated


def test_subjects_with_different_episodes_are_aligned_by_clip_and_not_by_place(series):
    """Subject 2 lacks an episode, so that its table of clips is another one."""
    recipe = recipe_of("algonauts2025", "dataset.subjects=[1, 2]", "align.ridge.n_folds=3")
    before = preprocess(recipe, series[2])
    assert before[0].clips.ids != before[1].clips.ids
    _, aligned = align(recipe, series[2], "ridge")
    found = [(each, Responses.load(each)) for each in aligned]
    # Volumes 5 to 18 of a run answer clips 2 to 15: fourteen of each of the five training pieces that both have.
    assert [artifact.manifest.notes["n_shared_clips"] for artifact, _ in found] == [5 * 14] * 2
    assert [one.clips.ids for _, one in found] == [one.clips.ids for one in before]
    assert all(one.response.shape == was.response.shape for (_, one), was in zip(found, before, strict=True))


def test_two_people_at_seven_tesla_are_aligned(seven, tmp_path):
    hcp7t.make(tmp_path / "files", subjects=(100610, 102816))
    recipe = recipe_of("hcp7t", "dataset.subjects=[100610, 102816]", "align.ridge.alphas=[1.0]")
    download(recipe, tmp_path / "store", tmp_path / "files", 100610)
    download(recipe, tmp_path / "store", tmp_path / "files", 102816)
    preprocess(recipe, tmp_path / "store")
    maps, _ = align(recipe, tmp_path / "store", "ridge")
    notes = maps.manifest.notes
    assert notes["n_shared_clips"] > 2000 and notes["segments_found_after"] > 0.9
    assert (maps.path / "agreement.png").is_file()
