"""Data sets of estimates: BOLD Moments, HAD, Algonauts 2021, from their files to rows."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from dataset_doors import align, download, preprocess, recipe_of

from brainflix.datasets.algonauts2021 import miniature as algonauts2021
from brainflix.datasets.algonauts2021.about import DATASET as ALGONAUTS
from brainflix.datasets.algonauts2021.layout import GRID
from brainflix.datasets.bmd import layout as bmd_layout
from brainflix.datasets.bmd import miniature as bmd
from brainflix.datasets.bmd.about import DATASET as BMD
from brainflix.datasets.had import layout as had_layout
from brainflix.datasets.had import miniature as had
from brainflix.datasets.had.about import DATASET as HAD
from brainflix.datasets.had.rows import table
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.bids import read_events
from brainflix.io.nifti import read_nifti
from brainflix.preprocess.areas import GROUP41
from brainflix.preprocess.masks import mask_of
from brainflix.testing.server import serve

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder ../shared/data is absent")


class Touches:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


# --- BOLD Moments ---

SMALL = ("preprocess.n_train=40", "preprocess.n_test=12")


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bmd")
    return folder, bmd.make(folder)


@pytest.fixture(scope="module")
def moments_store(moments, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        adopt(BMD, moments[0], place, patch, 1, recipe_of("bmd", *SMALL))
    return place


def adopt(dataset, folder: Path, store: Path, patch, subject: int, recipe) -> None:
    """Adopt a miniature: its files have other sizes and digests than the published ones."""
    from dataclasses import replace

    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.parts.work import Intake
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    named = type(dataset).named_files
    patch.setattr(
        type(dataset),
        "named_files",
        lambda self, params, who: [replace(file, size=None, digest="") for file in named(self, params, who)],
    )
    for file in dataset.named_files({"what": ["betas"]}, subject):
        path = folder / file.path
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"nothing of ours")
    place = Store(store)
    plan = make_plan(recipe, place, Selection("download", "bold", (subject,), alone=True), by_hand_blocks=False)
    execute(plan, place, load_settings(store=store), intake=Intake(store / ".downloads", folder))


def test_moments_files_are_the_published_ones():
    sizes = {
        what: sum(file.size or 0 for subject in BMD.subjects for file in BMD.named_files({"what": [what]}, subject))
        for what in ("betas", "bold", "mni")
    }
    assert sizes["betas"] == pytest.approx(BMD.size_bytes, rel=1e-5) == pytest.approx(29.4e9, rel=0.01)
    assert len(BMD.named_files({"what": ["bold"]}, 1)) == 4 * (10 + 3)
    every = [file.path for what in sizes for file in BMD.named_files({"what": [what]}, 1)]
    assert not any("scannerPresentation" in path or path.endswith((".tar.gz", ".mp4")) for path in every)
    clips = bmd_layout.load_clips(Path(), BMD.clip_s)
    # 1000 training and 102 test films.
    assert (len(clips.of(("train", "val"))), len(clips.of("test"))) == (1000, 102)
    *films, captions = BMD.named_files({}, None)
    assert len(films) == 1102 and not any(file.url for file in films) and captions.optional
    archive = bmd_layout.package(None, "").file
    assert (archive.size, archive.path) == (3_261_964_337, "stimulus_set.zip")


def test_moments_repeats_become_rows_on_the_41_areas(moments_store, moments):
    (one,) = preprocess(recipe_of("bmd", *SMALL), moments_store, 1)
    planted = moments[1]
    assert (one.n_trials, one.n_grayordinates) == (40 * 3 + 12 * 10, 13156)
    assert set(one.area) == set(GROUP41) and one.run_names[:4] == ("train-1", "train-2", "train-3", "test-1")
    assert one.clips.ids[int(one.clip[0])] == "vid0001" and one.clips.ids[int(one.clip[-1])] == "vid1012"
    rows = one.rows("test")[1]
    from brainflix.io.grayordinates import standard

    columns = np.flatnonzero(mask_of(standard().area, GROUP41))
    strong = planted.snr[columns] > 0
    r = [np.corrcoef(rows[:, c], planted.signal["test"][:, columns[c]])[0, 1] for c in np.flatnonzero(strong)[:200]]
    assert np.mean(r) > 0.9


def test_moments_noise_ceilings_are_near_the_planted_ones_and_the_released(moments_store, moments):
    (one,) = preprocess(recipe_of("bmd", *SMALL), moments_store, 1)
    released = one.stats["released_nc_test_n10"]
    strong = released > 0
    assert one.stats["nc_test_n10"][strong].mean() == pytest.approx(released[strong].mean(), abs=3)
    assert one.stats["nc_test_n10"][~strong].mean() < 25 < 85 < released[strong].min()
    assert one.stats["ncsnr_train"][strong].mean() == pytest.approx(1.0, abs=0.15)


def test_moments_selection_by_ceiling_finds_columns_with_signal(moments_store):
    (one,) = preprocess(recipe_of("bmd", *SMALL, "preprocess.top_n=300"), moments_store, 1)
    assert one.masks["selected"].sum() == 300
    assert (one.stats["released_nc_train_n3"][one.masks["selected"]] > 0).mean() > 0.99


def test_moments_estimates_that_are_not_finite_become_0(moments_store):
    (one,) = preprocess(recipe_of("bmd", *SMALL, "preprocess.within=null"), moments_store, 1)
    assert one.n_grayordinates == 91282 and (one.response[0, :3] == 0).all() and np.isfinite(one.response).all()
    from brainflix.store.store import Store

    assert Store(moments_store).open("bold/bmd-sub-1").manifest.notes["n_values_filled_with_0"] == 3


def test_moments_missing_estimates_are_missing_repeats_of_the_ceiling(moments_store, moments):
    """Film 1 lacks its first repeat in three columns: 39 films of three repeats, one of two, nothing of 0."""
    (one,) = preprocess(recipe_of("bmd", *SMALL, "preprocess.within=null"), moments_store, 1)
    with (moments[0] / bmd_layout.betas_path(1, "train")).open("rb") as file:
        values = np.asarray(pickle.load(file)[0], np.float64)[:, :, :3]
    assert np.isnan(values).sum() == 3
    noise = np.mean([np.nanvar(film, axis=0, ddof=1) for film in values], axis=0)
    signal = np.maximum(0, np.nanvar(values.reshape(-1, 3), axis=0) - noise)
    expected = np.sqrt(signal / noise)
    assert np.allclose(one.stats["ncsnr_train"][:3], expected, rtol=1e-4)
    inverse = (39 / 3 + 1 / 2) / 40
    percent = 100 * expected**2 / (expected**2 + inverse)
    assert np.allclose(one.stats["nc_train_n3"][:3], percent, rtol=1e-4)


@pytest.mark.parametrize("what", ["shape", "malicious", "text"])
def test_moments_bad_estimates_are_one_sentence(moments, tmp_path, monkeypatch, what):
    mark = tmp_path / "mark"
    folder = tmp_path / "files"
    for split in ("train", "test"):
        path = folder / bmd_layout.betas_path(1, split)
        bodies = {
            "shape": pickle.dumps((np.zeros((4, 2, 91282), np.float32), ["vid0001"] * 4)),
            "malicious": pickle.dumps((np.zeros(3), Touches(mark))),
            "text": b"not a pickle at all",
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bodies[what])
    store = tmp_path / "store"
    adopt(BMD, folder, store, monkeypatch, 1, recipe_of("bmd", *SMALL))
    with pytest.raises(DataError if what == "shape" else IntegrityError) as caught:
        preprocess(recipe_of("bmd", *SMALL), store, 1)
    assert caught.value.exit_code == (3 if what == "shape" else 4) and not mark.exists()


def test_moments_are_fetched_from_an_open_bucket(moments, tmp_path, monkeypatch):
    """The real client against a local bucket that serves the miniature, with its digests in the list."""
    import hashlib
    from dataclasses import replace

    from brainflix.io.fetch.files import RemoteFile

    named = type(BMD).named_files
    paths = [bmd_layout.ceiling_path(1, "test", 10), bmd_layout.ceiling_path(1, "train", 3)]
    with serve() as site:
        files = []
        for path in paths:
            body = (moments[0] / path).read_bytes()
            url = site.put(str(path), body)
            files.append(RemoteFile(str(path), url, len(body), f"sha256:{hashlib.sha256(body).hexdigest()}"))
        monkeypatch.setattr(
            type(BMD), "named_files", lambda self, params, who: files if who == 1 else named(self, params, who)
        )
        (raw,) = [each for each in download_subject(tmp_path) if each.ref.name == "bmd-sub-1"]
        assert raw.file(str(paths[0])).read_bytes() == (moments[0] / paths[0]).read_bytes()
        assert not raw.manifest.notes.get("adopted")
        files[0] = replace(files[0], digest="sha256:" + "0" * 64)
        with pytest.raises(IntegrityError):
            download_subject(tmp_path / "again")


def download_subject(place: Path):
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    store = Store(place / "store")
    plan = make_plan(recipe_of("bmd"), store, Selection("download", "bold", (1,), alone=True), by_hand_blocks=False)
    return [store.open(done.ref) for done in execute(plan, store, load_settings(store=store.root))]


# --- HAD ---


@pytest.fixture(scope="module")
def actions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("had")
    return folder, had.make(folder)


@pytest.fixture(scope="module")
def actions_store(actions, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        for subject in (1, 3):
            adopt(HAD, actions[0], place, patch, subject, recipe_of("had"))
    return place


def test_action_files_are_the_published_ones():
    betas = [file for subject in HAD.subjects for file in HAD.named_files({"what": ["betas"]}, subject)]
    bold = [file for subject in HAD.subjects for file in HAD.named_files({"what": ["bold"]}, subject)]
    films = HAD.named_files({}, None)
    assert (len(betas), len(bold), len(films)) == (240, 360, 21600)
    assert sum(file.size or 0 for file in films) == pytest.approx(2.16e9, rel=0.01)
    assert HAD.size_bytes == pytest.approx(sum(file.size or 0 for file in [*betas, *films]), rel=0.001)
    assert not any("ses-action02" in file.path for file in [*betas, *bold])


def test_the_table_of_clips_finds_the_four_films_that_lie_under_two_actions():
    clips = had_layout.load_clips(Path(), 2.0)
    counts = np.unique(clips.dup_group, return_counts=True)[1]
    assert len(clips) == 21600 and (counts == 2).sum() == 4 and counts.max() == 2
    pair = [clips.ids[i] for i in np.flatnonzero(clips.dup_group == clips.dup_group[clips.ids.index(had.TWINS[0])])]
    assert tuple(sorted(pair)) == tuple(sorted(had.TWINS))


@needs_data
def test_real_events_name_clips_of_the_table_and_cycles_are_three_runs():
    known = had_layout.paths_by_id()
    for subject in ("01", "03"):
        paths = sorted((DATA / f"bids/ds004488/sub-{subject}").rglob("*_events.tsv"))
        shown = [[had_layout.clip_id(name) for name in read_events(path).column("stim_file")] for path in paths]
        assert all(clip in known for run in shown for clip in run)
        cycles = [[clip for run in shown[3 * number : 3 * number + 3] for clip in run] for number in range(4)]
        assert all(len({had_layout.action_of(clip) for clip in cycle}) == 180 for cycle in cycles)
        clips = table(cycles, 1)
        assert [len(clips.of(split)) for split in ("train", "val", "test")] == [480, 60, 180]


@needs_data
def test_the_released_labels_have_the_size_of_the_clips_file_names():
    """That a line of a label file is a clip's file name is taken from this."""
    sizes = {file.path: file.size for file in HAD.named_files({"what": ["betas"]}, 1)}
    paths = sorted((DATA / "bids/ds004488/sub-01").rglob("*_events.tsv"))
    names = [[Path(name).name for name in read_events(path).column("stim_file")] for path in paths]
    for cycle in range(4):
        lines = sum(len(name) + 1 for run in names[3 * cycle : 3 * cycle + 3] for name in run)
        assert lines == sizes[str(had_layout.label_path(1, cycle + 1))]


def test_action_rows_stand_by_their_labels(actions_store, actions):
    (one,) = preprocess(recipe_of("had", "preprocess.within=V1,MT", "preprocess.zscore=none"), actions_store, 1)
    planted = actions[1]
    from brainflix.io.grayordinates import standard

    inside = mask_of(standard().area[planted.columns], ("V1", "MT"))
    assert np.array_equal(one.response, planted.values[1][:, inside])
    assert [one.clips.ids[c] for c in one.clip] == [clip for cycle in planted.clips[1] for clip in cycle]
    assert one.masks["selected"].all() and not one.stats


def test_twins_never_lie_on_both_sides(actions_store, actions):
    (one,) = preprocess(recipe_of("had", "preprocess.within=V1"), actions_store, 1)
    split = dict(zip(one.clips.ids, one.clips.split.tolist(), strict=True))
    assert split[had.TWINS[0]] == split[had.TWINS[1]] == 2
    assert [len(one.clips.of(name)) for name in ("train", "val", "test")] == [479, 60, 181]


def test_scaling_knows_nothing_of_the_test_clips(actions_store, actions):
    (one,) = preprocess(recipe_of("had", "preprocess.within=V1,MT"), actions_store, 3)
    train = np.isin(one.clip, one.clips.of(("train", "val")))
    assert np.allclose(one.response[train].mean(axis=0), 0, atol=1e-5)
    assert np.allclose(one.response[train].std(axis=0, ddof=1), 1, atol=1e-5)
    assert not np.allclose(one.response[~train].mean(axis=0), 0, atol=1e-3)


def test_align_refuses_clips_that_nobody_shares(actions_store):
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.recipe.schema import parse_recipe
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    raw = {
        "recipe": "had",
        "dataset": {"name": "had", "subjects": [1, 3]},
        "preprocess": {"part": "had", "within": "V1", "inputs": {"raw": "download.bold"}},
        "align": {"part": "ridge"},
    }
    recipe, store = parse_recipe(raw), Store(actions_store)
    execute(make_plan(recipe, store, Selection("preprocess", alone=True)), store, load_settings(store=actions_store))
    with pytest.raises(DataError, match="no clip was seen by all") as caught:
        execute(make_plan(recipe, store, Selection("align", alone=True)), store, load_settings(store=actions_store))
    assert "none" in caught.value.next


@pytest.mark.parametrize("line", ["v_Archery_id_short_start_1.0_label_1.mp4", "Archery.mp4", "../../etc/passwd"])
def test_labels_that_are_no_clips_are_refused(tmp_path, line):
    (tmp_path / "label.txt").write_text(f"{line}\n" * 180)
    with pytest.raises(DataError, match="not the name of a HAD clip"):
        had_layout.read_labels(tmp_path / "label.txt")
    (tmp_path / "label.txt").write_text(f"{line}\n" * 7)
    with pytest.raises(DataError, match="names 7 clips instead of 180"):
        had_layout.read_labels(tmp_path / "label.txt")


def test_an_action_twice_in_a_cycle_is_refused(actions):
    cycles = [list(cycle) for cycle in actions[1].clips[3]]
    cycles[1][0] = cycles[0][[had_layout.action_of(c) for c in cycles[0]].index(had_layout.action_of(cycles[1][1]))]
    with pytest.raises(DataError, match="cycle 2 has 2 exemplars"):
        table(cycles, 1)


# --- Algonauts 2021 ---


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("algonauts")
    planted = algonauts2021.make(folder)
    place = tmp_path_factory.mktemp("store")
    download(recipe_of("algonauts2021", "dataset.what=[mini, full]"), place, folder, 1)
    return folder, planted, place


def test_challenge_areas_stand_side_by_side(challenge):
    (one,) = preprocess(recipe_of("algonauts2021", "dataset.what=[mini, full]"), challenge[2], 1)
    expected = np.concatenate([challenge[1].values[1][area] for area in recipe_areas()], axis=2)
    assert one.response.shape == (3000, expected.shape[2])
    assert np.allclose(one.response.reshape(3, 1000, -1), expected.transpose(1, 0, 2), atol=1e-6)
    assert one.area.count("V1") == 3 and one.area.count("PPA") == 11


def recipe_areas():
    from brainflix.datasets.algonauts2021.layout import AREAS

    return AREAS


def test_challenge_noise_ceiling_finds_the_voxels_with_signal(challenge):
    changes = ("dataset.what=[mini, full]", "preprocess.top_n=18")
    (one,) = preprocess(recipe_of("algonauts2021", *changes), challenge[2], 1)
    assert np.array_equal(np.flatnonzero(one.masks["selected"]), np.flatnonzero(one.index < 2))
    assert one.stats["nc_train_n1"][one.index < 2].mean() == pytest.approx(50, abs=4)


def test_the_whole_brain_lies_on_the_mask(challenge):
    changes = ("dataset.what=[mini, full]", "preprocess.track=full")
    (one,) = preprocess(recipe_of("algonauts2021", *changes), challenge[2], 1)
    assert np.array_equal(one.index, challenge[1].places) and set(one.structure) == {"Algonauts2021-78x93x71"}


@needs_data
def test_the_grid_is_the_released_masks():
    assert read_nifti(DATA / "algonauts2021/example.nii").data.shape == GRID


def test_challenge_folders_without_the_track_are_taken(challenge, tmp_path):
    import shutil

    folder = tmp_path / "participants_data_v2021"
    shutil.copytree(challenge[0] / "participants_data_v2021/mini_track/sub02", folder / "sub02")
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.parts.work import Intake
    from brainflix.settings import load_settings
    from brainflix.store.store import Store

    store = Store(tmp_path / "store")
    plan = make_plan(
        recipe_of("algonauts2021"), store, Selection("download", "bold", (2,), alone=True), by_hand_blocks=False
    )
    (done,) = execute(plan, store, load_settings(store=store.root), intake=Intake(tmp_path / "wait", folder))
    assert len(store.open(done.ref).json("provenance.json")["files"]) == 9
    # The same folder is not subject 1's, whatever the files are called.
    plan = make_plan(
        recipe_of("algonauts2021"), store, Selection("download", "bold", (1,), alone=True), by_hand_blocks=False
    )
    with pytest.raises(MissingError, match="9 files of subject 1"):
        execute(plan, store, load_settings(store=store.root), intake=Intake(tmp_path / "wait", folder / "sub02"))


def test_the_challenges_films_are_found_by_number(challenge):
    from brainflix.store.store import Store

    raw = Store(challenge[2]).open("raw/algonauts2021-stimuli")
    assert ALGONAUTS.film_path(raw.path, "0002").name == "0002_made-up_2.mp4"
    with pytest.raises(MissingError, match="no film 0003"):
        ALGONAUTS.film_path(raw.path, "0003")


@pytest.mark.parametrize("dataset", [BMD, HAD, ALGONAUTS])
def test_declarations_are_complete(dataset):
    assert dataset.citation.startswith("@article") and dataset.traps and dataset.splits and dataset.repeats
    assert dataset.shapes and dataset.space and dataset.licence and not dataset.checked_on and not dataset.simulated


def test_two_people_who_saw_the_same_moments_are_aligned(tmp_path):
    from brainflix.store.store import Store

    bmd.make(tmp_path / "files", subjects=(1, 2))
    changes = (*SMALL, "dataset.subjects=[1, 2]", "preprocess.within=V1", "align.ridge.n_folds=3")
    recipe, store = recipe_of("bmd", *changes), Store(tmp_path / "store")
    with pytest.MonkeyPatch.context() as patch:
        for subject in (1, 2):
            adopt(BMD, tmp_path / "files", store.root, patch, subject, recipe)
    preprocess(recipe, store.root)
    maps, aligned = align(recipe, store.root, "ridge")
    assert [each.manifest.notes["n_shared_clips"] for each in (maps, *aligned)] == [40, 40, 40]
