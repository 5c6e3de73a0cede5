"""Open data sets through the real client: HAD from a local bucket, fMRI-Video from a local Hub; an archive too."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest
from dataset_doors import preprocess, recipe_of

from brainflix.datasets.algonauts2021 import miniature as algonauts2021
from brainflix.datasets.fudan import miniature as fudan
from brainflix.datasets.fudan.about import DATASET as FUDAN
from brainflix.datasets.fudan.layout import REPOSITORY
from brainflix.datasets.had import miniature as had
from brainflix.datasets.had.about import DATASET as HAD
from brainflix.engine.draft import Selection
from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute
from brainflix.errors import IntegrityError, MissingError
from brainflix.io.fetch.files import RemoteFile
from brainflix.parts.work import DOWNLOADS, Intake
from brainflix.settings import load_settings
from brainflix.store.artifact import Artifact
from brainflix.store.store import Store
from brainflix.testing.fake_hub import FakeHub
from brainflix.testing.server import serve


def fetch(name: str, place: Path, subject: int, *changes: str, source: Path | None = None) -> Artifact:
    store = Store(place)
    plan = make_plan(
        recipe_of(name, *changes), store, Selection("download", "bold", (subject,), alone=True), by_hand_blocks=False
    )
    intake = Intake(store.root / DOWNLOADS, source)
    (done,) = execute(plan, store, load_settings(store=place, offline=False), intake=intake)
    return store.open(done.ref)


def test_had_from_a_bucket_to_rows(tmp_path, monkeypatch):
    planted = had.make(tmp_path / "files")
    with serve() as site:
        files = []
        for each in HAD.named_files({"what": ["betas"]}, 3):
            body = (tmp_path / "files" / each.path).read_bytes()
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            cuts = [len(body) // 3, 2 * len(body) // 3]
            files.append(RemoteFile(each.path, site.put(each.path, body, cut_at=cuts), len(body), digest))
        monkeypatch.setattr("brainflix.io.fetch.one.Line.wait", lambda self, seconds: None)
        monkeypatch.setattr(type(HAD), "named_files", lambda self, params, who: files if who == 3 else [])
        raw = fetch("had", tmp_path / "store", 3)
    assert len(raw.json("provenance.json")["files"]) == 8
    (one,) = preprocess(recipe_of("had", "preprocess.within=V1,MT"), tmp_path / "store", 3)
    assert one.n_trials == 720 and [one.clips.ids[c] for c in one.clip[:3]] == planted.clips[3][0][:3]


def test_fudan_from_a_hub_to_rows(tmp_path, monkeypatch):
    fudan.make(tmp_path / "files", subjects=(1,))
    root = tmp_path / "files"
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    commit = "c0ffee" + "0" * 34
    with serve() as site:
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", site.url)
        template = site.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        FakeHub(site, REPOSITORY, files, commit=commit, licence="apache-2.0")
        store = Store(tmp_path / "store")
        recipe = recipe_of("fudan", "preprocess.size_px=16")
        plan = make_plan(recipe, store, Selection("preprocess", subjects=(1,)))
        done = execute(plan, store, load_settings(store=store.root, offline=False))
    raw = store.open(next(each.ref for each in done if each.ref.startswith("raw/fudan-sub-1")))
    said = raw.json("provenance.json")
    assert said["commit"] == commit and said["licence_on_the_card"] == "apache-2.0"
    stimuli = store.open("raw/fudan-stimuli")
    assert FUDAN.load_clips(stimuli.path).caption[0].startswith("film ")
    assert any(path.suffix == ".mp4" for path in stimuli.path.rglob("*"))


def test_an_archive_is_adopted_as_it_came(tmp_path):
    algonauts2021.make(tmp_path / "files", subjects=(1,))
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "files/participants_data_v2021", "participants_data_v2021")
    raw = fetch("algonauts2021", tmp_path / "store", 1, source=tmp_path / "data.tar.gz")
    assert len(raw.json("provenance.json")["files"]) == 9
    waiting = tmp_path / "store" / DOWNLOADS
    assert not [path for path in waiting.rglob("*") if path.is_file() and path.suffix == ".pkl"]


def test_a_malicious_archive_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        archive.add(tmp_path / "a.txt", "../../out.txt")
    with pytest.raises(IntegrityError, match="leave its folder"):
        fetch("algonauts2021", tmp_path / "store", 1, source=tmp_path / "data.tar")
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize("layout", ["flat", "in a folder", "in two folders", "beside another"])
@pytest.mark.parametrize("packed", ["zip", "tar", "folder"])
def test_files_in_one_top_folder_are_the_same_files(tmp_path, layout, packed):
    algonauts2021.make(tmp_path / "files", subjects=(1,))
    top = {"flat": "", "in a folder": "purr", "in two folders": "a/b", "beside another": "purr"}[layout]
    source = tmp_path / "given"
    shutil.copytree(tmp_path / "files/participants_data_v2021", source / top / "participants_data_v2021")
    (source / "__MACOSX").mkdir()
    (source / "__MACOSX/._x").write_text("x")
    if layout == "beside another":
        (source / "notes").mkdir()
        (source / "notes/a.txt").write_text("x")
    if packed != "folder":
        source = Path(shutil.make_archive(str(tmp_path / "given"), packed, source))
    if layout == "beside another":
        with pytest.raises(MissingError, match="its folder purr does"):
            fetch("algonauts2021", tmp_path / "store", 1, source=source)
        return
    raw = fetch("algonauts2021", tmp_path / "store", 1, source=source)
    assert len(raw.json("provenance.json")["files"]) == 9
