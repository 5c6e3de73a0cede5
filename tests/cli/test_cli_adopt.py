"""`download --from` a second time, and over folders as people have them: what changed, what lies beside, pointers."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from brainflix.datasets.cc2017 import miniature
from brainflix.store.store import Store

RECIPE = """recipe: small
schema: 1
about: CC2017 in small.
dataset: {name: cc2017, subjects: [1], n_clips: 8, axis: any}
preprocess: {part: cc2017, select: all}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cc2017")
    miniature.make(folder, subjects=(1,))
    return folder


@pytest.fixture
def home(made, tmp_path, monkeypatch) -> Path:
    """A folder of one's own files, where one stands beside it."""
    monkeypatch.chdir(tmp_path)
    for name in ("STORE", "OFFLINE", "TOKEN"):
        monkeypatch.delenv(f"BRAINFLIX_{name}", raising=False)
    (tmp_path / "small.yaml").write_text(RECIPE)
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


def run_of(home: Path, name: str) -> Path:
    return next(home.rglob(f"{name}_Atlas.dtseries.nii"))


def adopt(brainflix, source: str = "data", *more: str):
    return brainflix("download", "small.yaml", "--step", "bold", "--from", source, "--subject", "1", *more)


def statuses(said) -> list[str]:
    return [stage["status"] for stage in json.loads(said.out)["stages"]]


# --- a second time ---


def test_the_same_files_are_cached_and_not_read_again(home, brainflix, monkeypatch):
    assert adopt(brainflix).code == 0
    monkeypatch.setattr("brainflix.download.changed.digest_of", lambda place: pytest.fail(f"{place} was hashed"))
    said = adopt(brainflix, "data", "--json")
    assert said.code == 0 and statuses(said) == ["cached"]


@pytest.mark.parametrize("same_size", [True, False])
def test_a_changed_file_is_named_and_refused(home, brainflix, same_size):
    assert adopt(brainflix).code == 0
    path = run_of(home, "seg3_2")
    body = bytearray(path.read_bytes())
    body[-9] ^= 1
    path.write_bytes(bytes(body) if same_size else bytes(body) + bytes(16))
    said = adopt(brainflix)
    assert said.code == 4 and "have changed since raw/cc2017-sub-1@" in said.err and "seg3_2" in said.err
    assert "--store OTHER" in said.err
    again = adopt(brainflix, "data", "--store", "other", "--json")
    assert again.code == 0 and statuses(again) == ["ran"]
    kept = Store("other").open("raw/cc2017-sub-1").file(str(path.relative_to(home)))
    assert kept.read_bytes() == path.read_bytes()


def test_touched_moved_and_absent_files_are_no_change(home, brainflix):
    assert adopt(brainflix).code == 0
    for path in home.rglob("*.nii"):
        os.utime(path, (1e9, 1e9))
    assert statuses(adopt(brainflix, "data", "--json")) == ["cached"]
    home.rename(home.with_name("elsewhere"))
    assert statuses(adopt(brainflix, "elsewhere", "--json")) == ["cached"]
    shutil.rmtree(home.with_name("elsewhere") / "Subject01/video_fmri_dataset/subject1/fmri/seg4")
    assert statuses(adopt(brainflix, "elsewhere", "--json")) == ["cached"]


def test_a_file_that_is_new_is_a_change_and_a_renamed_one_is_not(home, brainflix):
    (home / "Stimuli/captions.json").unlink(missing_ok=True)
    stimuli = ("download", "small.yaml", "--step", "stimuli", "--from", "data")
    assert brainflix(*stimuli).code == 0
    film = home / "Stimuli/video_fmri_dataset/stimuli/seg1.mp4"
    film.rename(film.with_name("kept.mp4"))
    assert brainflix(*stimuli).code == 0
    (home / "Stimuli/captions.json").write_text(json.dumps({"seg1": ["a"] * 8}))
    said = brainflix(*stimuli)
    assert said.code == 4 and "captions.json (new)" in said.err


def test_an_archive_is_known_again_and_a_changed_one_is_not(home, brainflix, monkeypatch):
    def pack(name: str) -> None:
        with zipfile.ZipFile(name, "w") as file:
            for path in sorted(home.rglob("*.nii")):
                file.write(path, path.relative_to(home).as_posix())

    pack("a.zip")
    assert adopt(brainflix, "a.zip").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("brainflix.download.intake.unpack", lambda *a, **k: pytest.fail("it was unpacked again"))
        assert statuses(adopt(brainflix, "a.zip", "--json")) == ["cached"]
    os.utime("a.zip", (1e9, 1e9))
    assert statuses(adopt(brainflix, "a.zip", "--json")) == ["cached"]
    body = bytearray(run_of(home, "seg3_2").read_bytes())
    body[-9] ^= 1
    run_of(home, "seg3_2").write_bytes(body)
    pack("b.zip")
    said = adopt(brainflix, "b.zip")
    assert said.code == 4 and "seg3_2" in said.err


def test_what_waits_is_taken_anew_where_it_has_changed(home, brainflix):
    """A first try lacks a run; before the second one another run is replaced by one of the same size."""
    lacking = run_of(home, "seg9_2")
    body = lacking.read_bytes()
    lacking.unlink()
    assert adopt(brainflix).code == 3
    changed = run_of(home, "seg3_2")
    new = bytearray(changed.read_bytes())
    new[-9] ^= 1
    changed.write_bytes(new)
    lacking.write_bytes(body)
    assert adopt(brainflix).code == 0
    assert Store("store").open("raw/cc2017-sub-1").file(str(changed.relative_to(home))).read_bytes() == bytes(new)


def test_a_data_set_that_makes_its_files_takes_none(home, brainflix):
    said = brainflix("download", "demo", "--from", "data", "--dry-run")
    assert said.code == 2 and "demo makes its files itself" in said.err


# --- what lies beside ---


def test_runs_and_subjects_beyond_the_layout_are_named_and_clutter_is_not(home, brainflix):
    extra = run_of(home, "seg1_2").with_name("seg1_3_Atlas.dtseries.nii")
    shutil.copyfile(run_of(home, "seg1_2"), extra)
    fourth = home / str(extra.relative_to(home)).replace("Subject01", "Subject04").replace("subject1", "subject4")
    fourth.parent.mkdir(parents=True)
    fourth.write_bytes(b"whose")
    other = home / "Subject02/video_fmri_dataset/subject2/fmri/seg1/cifti/seg1_1_Atlas.dtseries.nii"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of a declared subject, which has a job of its own")
    for name in ("._seg1_1_Atlas.dtseries.nii", ".DS_Store", "Thumbs.db", "notes.txt"):
        (extra.parent / name).write_bytes(b"clutter")
    (extra.parents[1] / "raw").mkdir()
    (extra.parents[1] / "raw/seg1_1.nii").write_bytes(b"of another kind")
    said = adopt(brainflix)
    assert said.code == 0 and "not read" in said.err and "seg1_3" in said.err and "Subject04" in said.err
    left_out = [extra.relative_to(home).as_posix(), fourth.relative_to(home).as_posix()]
    assert Store("store").open("raw/cc2017-sub-1").manifest.notes["left_out"] == left_out
    (stage,) = json.loads(adopt(brainflix, "data", "--json").out)["stages"]
    assert stage["notes"]["left_out"] == left_out


def test_whole_folders_have_nothing_left_out(home, brainflix):
    assert "not read" not in adopt(brainflix).err
    assert "left_out" not in Store("store").open("raw/cc2017-sub-1").manifest.notes


def test_films_of_another_suffix_are_named(home, brainflix):
    film = home / "Stimuli/video_fmri_dataset/stimuli/seg5.mp4"
    film.rename(film.with_suffix(".mkv"))
    said = brainflix("download", "small.yaml", "--step", "stimuli", "--from", "data")
    assert said.code == 3 and "seg5.mkv lies there" in said.err


# --- pointers ---


@pytest.mark.parametrize("kind", ["annex file", "annex link", "lfs"])
def test_a_pointer_is_missing_content_with_the_command_that_brings_it(home, brainflix, kind):
    path = run_of(home, "seg2_1")
    path.unlink()
    key = "SHA256E-s1234--" + "0" * 64 + ".nii"
    if kind == "annex link":
        path.symlink_to(f"../../.git/annex/objects/zz/qq/{key}/{key}")
    elif kind == "annex file":
        path.write_text(f"/annex/objects/{key}\n")
    else:
        path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1234\n")
    said = adopt(brainflix)
    command = "git lfs pull --include" if kind == "lfs" else "git annex get"
    assert said.code == 3 and f"{command} Subject01" in said.err and "seg2_1" in said.err
    assert not Store("store").refs("raw")


def test_annexed_content_that_is_here_is_adopted(home, brainflix):
    """A clone with its content: the file is a link into the annex."""
    path = run_of(home, "seg2_1")
    kept = home / ".git/annex/objects/zz/qq/key.nii"
    kept.parent.mkdir(parents=True)
    path.rename(kept)
    path.symlink_to(os.path.relpath(kept, path.parent))
    assert adopt(brainflix).code == 0
