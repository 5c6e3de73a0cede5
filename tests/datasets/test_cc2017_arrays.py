"""CC2017's array releases: the Hub's tensors through the real client, MinD-Video's arrays, rows, frames, copies."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from dataset_doors import download, preprocess, recipe_of

from brainflix.datasets.cc2017 import arrays_layout as cc2017_arrays
from brainflix.datasets.cc2017 import arrays_miniature as miniature
from brainflix.datasets.cc2017.arrays_layout import N_TEST, N_TRAIN
from brainflix.datasets.cc2017.arrays_rows import as_repeats
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.store.store import Store
from brainflix.testing.fake_hub import FakeHub
from brainflix.testing.server import serve

COMMIT = "a82b9e20e98710f18913a10c0a5bf5f19a6e4000"


@pytest.fixture(scope="module")
def tensors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neuroclips")
    return folder, miniature.make_neuroclips(folder)


@pytest.fixture(scope="module")
def store(tensors, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("store")
    download(recipe_of("cc2017-neuroclips"), place, tensors[0])
    return place


@pytest.fixture
def hub(monkeypatch):
    with serve() as site:
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", site.url)
        template = site.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield site


@pytest.mark.parametrize("licence", ["cc0-1.0", ""])
def test_tensors_come_from_the_hub_at_the_pinned_commit(tensors, hub, tmp_path, licence):
    names = [f"subj01_{split}_fmri.pt" for split in ("train", "test")] + ["README.md"]
    files = {name: (tensors[0] / name).read_bytes() if name.endswith(".pt") else b"text" for name in names}
    FakeHub(hub, cc2017_arrays.REPOSITORY, files, commit=COMMIT, licence=licence)
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.settings import load_settings

    place = Store(tmp_path / "store")
    plan = make_plan(
        recipe_of("cc2017-neuroclips"), place, Selection("download", "bold", (1,), alone=True), by_hand_blocks=False
    )
    (done,) = execute(plan, place, load_settings(store=place.root, offline=False))
    raw = place.open(done.ref)
    assert raw.file(names[0]).read_bytes() == files[names[0]]
    said = json.loads(raw.file("provenance.json").read_text())
    assert said["commit"] == COMMIT and said["licence_on_the_card"] == licence
    assert all(file["published_digest"].startswith("sha256:") for file in said["files"])
    assert not raw.path.joinpath("README.md").exists()


def test_rows_are_segments_and_repeats(store, tensors):
    one = preprocess(recipe_of("cc2017-neuroclips"), store, 1)[0]
    assert one.n_trials == N_TRAIN * 2 + N_TEST * 10 and one.run_names[:3] == ("seg1_1", "seg1_2", "seg2_1")
    run = one.run == one.run_names.index("seg7_2")
    assert np.array_equal(one.response[run], tensors[1].train[1][6 * 240 : 7 * 240, 1])
    assert [one.clips.ids[c] for c in one.clip[run][[0, -1]]] == ["seg7_001", "seg7_240"]
    rows = one.rows("test")[1]
    assert np.allclose(rows, tensors[1].test[1].mean(axis=1), atol=1e-5)
    assert [len(one.clips.of(split)) for split in ("train", "val", "test")] == [4080, 240, 1200]


@pytest.mark.parametrize("drop, n_repeats", [("true", 9), ("false", 10)])
def test_a_copied_repeat_is_found(store, drop, n_repeats):
    (three,) = preprocess(recipe_of("cc2017-neuroclips", f"preprocess.drop_copies={drop}"), store, 3)
    assert sum(name.startswith("test2_") for name in three.run_names) == n_repeats
    assert ("test2_10" in three.run_names) == (n_repeats == 10)


def frames_of(recipe, store: Path) -> tuple[np.ndarray, list[str]]:
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.settings import load_settings
    from brainflix.store.schema import Videos

    place = Store(store)
    plan = make_plan(recipe, place, Selection("targets", alone=True))
    (done,) = execute(plan, place, load_settings(store=store))
    videos = Videos.load(place.open(done.ref))
    return videos.frames, list(videos.clip_ids)


def test_frames_become_targets_clip_by_clip(store, tensors):
    frames, ids = frames_of(recipe_of("cc2017-neuroclips", "targets.frames.size_px=16"), store)
    assert frames.shape == (5520, 6, 16, 16, 3) and ids[0] == "seg1_001" and ids[-1] == "test5_240"
    expected = np.rint(tensors[1].luminance.astype(np.float16).astype(np.float32) * 255)
    assert np.abs(frames[:, 0, 8, 8, 1] - expected).max() <= 1


def test_mindvideo_arrays_of_either_shape(tmp_path):
    planted = miniature.make_mindvideo(tmp_path)
    recipe = recipe_of("mindvideo", "targets.frames.size_px=16")
    download(recipe, tmp_path / "store", tmp_path)
    two = preprocess(recipe, tmp_path / "store", 2)[0]
    assert two.n_trials == N_TRAIN + N_TEST
    assert np.array_equal(two.response[:N_TRAIN], planted.train[2][:, 0])
    assert np.array_equal(two.response[N_TRAIN:], planted.test[2][:, 0])
    frames, _ = frames_of(recipe, tmp_path / "store")
    assert np.array_equal(frames[:, 5, 0, 0, 2], np.rint(planted.luminance * 255))


class Touches:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_bad_tensors_are_one_sentence(tensors, tmp_path):
    import torch

    mark = tmp_path / "mark"
    bad = {
        "evil": (Touches(mark), IntegrityError),
        "short": (torch.zeros(7, 2, 5), DataError),
        "nan": (torch.full((N_TRAIN, 2, 5), float("nan")), DataError),
        "wide": (torch.zeros(N_TRAIN, 2, 6), DataError),
    }
    for name, (value, error) in bad.items():
        folder = tmp_path / name
        folder.mkdir()
        torch.save(value, folder / "subj02_train_fmri.pt")
        (folder / "subj02_test_fmri.pt").write_bytes((tensors[0] / "subj02_test_fmri.pt").read_bytes())
        for split in ("train", "test"):
            torch.save(torch.zeros(1), folder / f"GT_{split}_3fps.pt")
        download(recipe_of("cc2017-neuroclips"), folder / "store", folder, 2)
        with pytest.raises(error):
            preprocess(recipe_of("cc2017-neuroclips"), folder / "store", 2)
    assert not mark.exists()


def test_offline_and_without_files_says_what_to_do(tmp_path):
    from brainflix.engine.draft import Selection
    from brainflix.engine.plan import make_plan
    from brainflix.engine.run import execute
    from brainflix.parts.work import Intake
    from brainflix.settings import load_settings

    place = Store(tmp_path / "store")
    plan = make_plan(
        recipe_of("cc2017-neuroclips"), place, Selection("download", "bold", (1,), alone=True), by_hand_blocks=False
    )
    with pytest.raises(MissingError, match="2 files of subject 1") as caught:
        execute(plan, place, load_settings(store=place.root), intake=Intake(tmp_path / "wait", offline=True))
    assert "--from" in caught.value.next


@pytest.mark.parametrize("shape", [(10, 4), (10, 2, 4)])
def test_shapes_with_and_without_repeats(shape):
    assert as_repeats(np.zeros(shape), 10, "x").shape == (10, shape[1] if len(shape) == 3 else 1, 4)
    with pytest.raises(DataError, match="x has shape"):
        as_repeats(np.zeros(shape), 11, "x")
