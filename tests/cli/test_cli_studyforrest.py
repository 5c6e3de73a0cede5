"""Studyforrest: the sample to the bit, runs that share film, damaged tables; given features from YAML to a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brainflix.datasets.studyforrest.film import clips_of
from brainflix.datasets.studyforrest.layout import RUNS, table_path
from brainflix.datasets.studyforrest.sample import BOLD, FILM, write
from brainflix.errors import DataError
from brainflix.store.responses import Responses
from brainflix.store.schema import Targets
from brainflix.store.store import Store

RECIPE = """recipe: small
schema: 1
dataset: {name: DATASET, subjects: [2], test_runs: [8]}
preprocess: {part: studyforrest}
align: {part: none}
targets:
  film: {part: given, table: film, dims: [speech, rms_log, brlr], groups: {sound: [speech, rms_log]}}
regress:
  own: {part: ridge-lags, n_folds: 4, inputs: {rows: align, test: align, target: targets.film}}
evaluate: {part: features, lead: [speech], permutations: 999, inputs: {predictions: regress.own, targets: targets.film}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(RECIPE.replace("DATASET", "studyforrest-sample"))
    (tmp_path / "adopted.yaml").write_text(RECIPE.replace("DATASET", "studyforrest"))
    return tmp_path


def test_the_sample_comes_back_to_the_bit_and_the_page_says_real(folder, brainflix):
    assert brainflix("run", "small.yaml").code == 0
    store = Store(folder / "store")
    rows = Responses.load(store.open(store.resolve("bold/studyforrest-sample-sub-2")))
    with np.load(BOLD) as bold, np.load(FILM) as film:
        for place, run in enumerate(RUNS):
            np.testing.assert_array_equal(rows.response[rows.run == place], bold[f"run{run}"][1].astype(np.float32))
        assert rows.index.tolist() == bold["roi"].tolist()
        last, features, names = len(film["features_run8"]), film["features_run8"], film["names"].tolist()
    # Ten volumes at both ends of the tested run are no clips, and stay as the windows' neighbours.
    answered = rows.clip[rows.run == 4]
    assert (answered[:10] == -1).all() and (answered[-10:] == -1).all() and (answered[10:-10] >= 0).all()
    targets = Targets.load(store.open(store.resolve("targets/studyforrest-sample-film")))
    assert len(targets.clips.of("test")) == last - 20 and targets.attrs["dims"] == ["speech", "rms_log", "brlr"]
    columns = [names.index(name) for name in targets.attrs["dims"]]
    np.testing.assert_array_equal(targets.values[targets.clips.of("test")], features[10:-10, columns])
    document = store.open(store.resolve("scores/studyforrest-sample-sub-2")).json("scores.json")
    assert document["simulated"] is False and document["primary"] == ["r_speech_own"]
    assert document["scores"]["r_speech_own"]["value"] > 0.5 and document["scores"]["r_sound_own"]["p"] <= 0.01
    assert brainflix("report", "small.yaml", "--out", "page.html").code == 0
    page = (folder / "page.html").read_text()
    assert "<strong>Real data</strong>" in page and "imulated data" not in page and 'id="courses"' in page
    assert 'id="videos"' not in page and page.count('<svg class="course"') == 1


def test_a_clone_is_adopted_and_a_new_split_fetches_nothing(folder, brainflix):
    write({}, 2, folder / "clone")
    assert brainflix("download", "adopted.yaml", "--from", "clone").code == 0
    again = brainflix("run", "adopted.yaml", "--set", "dataset.test_runs=[6]", "--dry-run", "--json")
    jobs = {job["ref"].split("@")[0]: job["status"] for job in json.loads(again.out)["stages"]}
    assert jobs["raw/studyforrest-sub-2"] == "cached" and jobs["raw/studyforrest-stimuli"] == "to run"


def test_the_name_means_all_people(brainflix):
    found = json.loads(brainflix("download", "studyforrest", "--dry-run", "--json").out)
    assert len([job for job in found["stages"] if "-sub-" in job["ref"]]) == 15


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (lambda text: text.replace("1,2,3,", "901,2,3,", 1), 3, "lacks parcel 1"),
        (lambda text: "\n".join(text.split("\n")[:300]), 3, "its film goes on"),
        (lambda text: text.replace("0.", "x.", 1), 3, "no table of parcels"),
        (
            lambda text: text[: text.index("\n")] + "\nnan," + text[text.index(",", text.index("\n")) + 1 :],
            3,
            "not finite",
        ),
    ],
)
def test_a_table_that_is_not_what_it_should_be_is_named(folder, brainflix, damage, code, words):
    write({}, 2, folder / "clone")
    path = folder / "clone" / table_path(2, 8)
    path.write_text(damage(path.read_text()))
    assert brainflix("download", "adopted.yaml", "--from", "clone").code == 0
    said = brainflix("run", "adopted.yaml")
    assert said.code == code and words in said.err and said.err.count("Traceback") == 0


def test_a_run_that_is_a_piece_of_another_one_is_named_and_left_out(folder, brainflix):
    write({}, 2, folder / "clone")
    source, copy = (folder / "clone" / table_path(2, run) for run in (1, 2))
    copy.write_bytes(b"\n".join(source.read_bytes().split(b"\n")[:442]) + b"\n")
    assert brainflix("download", "adopted.yaml", "--from", "clone").code == 0
    said = brainflix("preprocess", "adopted.yaml")
    assert said.code == 0 and "441 of 441 rows of run-2 equal rows of run-1" in said.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("dataset.test_runs=[3]", "run 3 cannot be tested"),
        ("dataset.test_runs=[1, 2, 4, 6, 8]", "0 runs are for training"),
        ("dataset.edge_volumes=200", "no volume between its edges"),
        ("targets.film.dims=[speach]", "no dimension 'speach'"),
        ("targets.film={part: frames}", "studyforrest-sample has no films"),
        ("targets.film.table=movie", "no table of features 'movie'"),
        ("targets.film.groups={sound: [music]}", "which is not decoded"),
        ("evaluate.lead=[musik]", "which is not decoded"),
    ],
)
def test_what_cannot_be_chosen_is_said(folder, brainflix, change, words):
    said = brainflix("run", "small.yaml", "--set", change)
    assert said.code in (2, 3) and words in said.err and "Traceback" not in said.err


def test_no_clip_of_a_tested_run_shows_what_was_trained_on():
    clips = clips_of({1: 40, 2: 50, 4: 30}, (2,), 8, 2.0)
    assert [clips.ids[at] for at in clips.of("test")[[0, -1]]] == ["run-2_0009", "run-2_0042"]
    assert len(clips.of("train")) == 70
    with pytest.raises(DataError, match="no volume between"):
        clips_of({1: 40, 2: 16}, (2,), 8, 2.0)
