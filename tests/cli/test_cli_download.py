"""`download` as people use it: adopt, agree, verify, plan, and everything that goes wrong, one sentence each."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cheap import ToyParams

from brainflix.io.fetch.files import RemoteFile
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import Part, own_parts
from brainflix.store.store import Store
from brainflix.testing.faults import fail, inject
from brainflix.testing.server import serve

BODY = bytes(range(256)) * 800


def make(name: str, access: str, files) -> Dataset:
    global FILES
    FILES = files
    return Dataset(
        name=name,
        title="A data set of this test",
        subjects=(1, 2),
        tr_s=2.0,
        clip_s=2.0,
        licence="terms of this test",
        access=access,
        source="this test",
        citation="",
        revision="r1",
        simulated=False,
        stimulus_params=("dial",),
        files="test_cli_download:list_files",
        terms_url="https://terms.example",
        steps=("open https://terms.example", "fetch a.bin"),
    )


FILES: dict[int | None, list[RemoteFile]] = {}


def list_files(params, subject):
    return FILES.get(subject, [])


@pytest.fixture
def lab(toy, monkeypatch):
    """Register a data set `lab` with these files and this access."""

    def register(files, access="open"):
        monkeypatch.setitem(
            own_parts()["dataset"], "lab", Part("test_cli_download:LAB", ToyParams, "files of this test")
        )
        monkeypatch.setattr(sys.modules[__name__], "LAB", make("lab", access, files), raising=False)
        return toy / "store"

    return register


def remote(url: str, path: str = "sub/a.bin", body: bytes = BODY) -> RemoteFile:
    import hashlib

    return RemoteFile(path, url, len(body), f"sha256:{hashlib.sha256(body).hexdigest()}")


def test_a_folder_is_adopted_and_verified(lab, brainflix, tmp_path):
    store = lab({1: [RemoteFile("sub/a.bin")]}, "manual")
    said = brainflix("download", "lab", "--subject", "1", "--step", "bold")
    assert said.code == 3 and "1 files of subject 1 of lab are missing: sub/a.bin" in said.err
    assert "1. open https://terms.example" in said.err and "3. brainflix download lab --from FOLDER" in said.err
    (tmp_path / "got/sub").mkdir(parents=True)
    (tmp_path / "got/sub/a.bin").write_bytes(BODY)
    said = brainflix("download", "lab", "--subject", "1", "--step", "bold", "--from", str(tmp_path / "got"))
    assert said.code == 0 and said.lines[0].startswith("raw/lab-sub-1@")
    assert brainflix("download", "lab", "--subject", "1", "--step", "bold", "--verify").code == 0
    place = Store(store).open(said.lines[0]).file("sub/a.bin")
    os.chmod(place, 0o644)
    place.write_bytes(BODY[::-1])
    bad = brainflix("download", "lab", "--subject", "1", "--step", "bold", "--verify")
    assert bad.code == 4 and "is damaged" in bad.err and bad.err.count("Error: ") == 1


def test_verifying_what_is_not_there(lab, brainflix):
    lab({1: []}, "manual")
    said = brainflix("download", "lab", "--subject", "1", "--step", "bold", "--verify")
    assert said.code == 3 and "is not in the store" in said.err


def test_terms_need_an_agreement_by_name(lab, brainflix, tmp_path):
    lab({1: [RemoteFile("a.bin")]}, "terms")
    (tmp_path / "a.bin").write_bytes(BODY)
    arguments = ("download", "lab", "--subject", "1", "--step", "bold", "--from", str(tmp_path))
    said = brainflix(*arguments)
    assert said.code == 2 and "https://terms.example" in said.err and "--i-agree lab" in said.err
    assert brainflix(*arguments, "--i-agree", "lba").code == 2
    assert brainflix(*arguments, "--i-agree", "lab").code == 0


def test_files_come_from_a_server_with_a_plan_before(lab, brainflix):
    with serve() as site:
        lab({1: [remote(site.put("a.bin", BODY))], None: []})
        plan = json.loads(brainflix("download", "lab", "--subject", "1", "--step", "bold", "--dry-run", "--json").out)
        assert plan["fetch_bytes"] == len(BODY) and plan["free_bytes"] > 0 and not site.requests
        said = brainflix("download", "lab", "--subject", "1", "--step", "bold")
        assert said.code == 0 and len(site.requests) == 1
        again = brainflix("download", "lab", "--subject", "1", "--step", "bold")
        assert "nothing was done" in again.err and len(site.requests) == 1


def test_films_that_a_person_must_bring_do_not_keep_the_rest_away(lab, brainflix):
    with serve() as site:
        store = lab({1: [remote(site.put("a.bin", BODY))], None: [RemoteFile("film.mp4")]})
        said = brainflix("download", "lab", "--subject", "1")
    assert said.code == 3 and "film.mp4" in said.err
    assert [ref.name for ref in Store(store).refs("raw")] == ["lab-sub-1"]


def test_offline_opens_no_connection(lab, brainflix):
    with serve() as site:
        lab({1: [remote(site.put("a.bin", BODY))]})
        said = brainflix("download", "lab", "--subject", "1", "--step", "bold", "--offline")
        assert said.code == 3 and "offline" in said.err and "--online" in said.err and not site.requests


def test_what_a_person_asks_for_by_what(lab, brainflix):
    lab({1: [RemoteFile("a.bin")], None: [RemoteFile("film.mp4")]}, "manual")
    said = brainflix("download", "lab", "--what", "stimuli")
    assert "of the stimuli of lab are missing: film.mp4" in said.err
    assert brainflix("download", "lab", "--what", "stimuli,betas").code == 2
    assert "what" in brainflix("download", "lab", "--what", "betas").err


@pytest.mark.parametrize("status, code", [(404, 3), (500, 3)])
def test_refusals_of_a_server_are_one_sentence(lab, brainflix, monkeypatch, status, code):
    monkeypatch.setattr("brainflix.io.fetch.one.Line.wait", lambda self, seconds: None)
    with serve() as site:
        store = lab({1: [remote(site.put("a.bin", BODY, statuses=[status] * 20))]})
        said = brainflix("download", "lab", "--subject", "1", "--step", "bold")
    assert said.code == code and said.err.count("Error: ") == 1 and str(status) in said.err
    assert not Store(store).refs("raw")


def test_wrong_bytes_exit_with_4_and_a_full_disk_with_5(lab, brainflix):
    with serve() as site:
        store = lab({1: [remote(site.put("a.bin", BODY, lie=BODY[::-1]))]})
        assert brainflix("download", "lab", "--subject", "1", "--step", "bold").code == 4
        site.put("a.bin", BODY)
        with inject(fail(errno.ENOSPC), at=4, calls=("write",), sticky=True):
            full = brainflix("download", "lab", "--subject", "1", "--step", "bold")
        assert full.code == 5 and "space" in full.err
        assert not Store(store).refs("raw")
        assert brainflix("download", "lab", "--subject", "1", "--step", "bold").code == 0


CLIENT = """
import sys
sys.path[:0] = sys.argv[1:3]
import test_cli_download as t
from brainflix.parts.find import Part, own_parts
from cheap import ToyParams
own_parts()["dataset"]["lab"] = Part("test_cli_download:LAB", ToyParams, "files of this test")
t.LAB = t.make("lab", "open", {1: [t.remote(sys.argv[3])]})
from brainflix.cli.app import invoke
print("ready", flush=True)
sys.exit(invoke(["download", "lab", "--subject", "1", "--step", "bold", "--store", sys.argv[4]]))
"""


def test_a_killed_download_goes_on_where_it_stopped(tmp_path):
    here = Path(__file__).resolve().parent
    root = here.parents[1]
    with serve() as site:
        url = site.put("a.bin", BODY, bytes_per_s=len(BODY) / 2)
        arguments = [sys.executable, "-c", CLIENT, str(root), str(here), url, str(tmp_path / "store")]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(2.0)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not Store(tmp_path / "store").refs("raw")
        site.files["a.bin"].bytes_per_s = None
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert done.returncode == 0, done.stderr
    (ref,) = Store(tmp_path / "store").refs("raw")
    assert Store(tmp_path / "store").open(ref).file("sub/a.bin").read_bytes() == BODY


def test_every_data_set_is_listed_with_size_access_and_what_was_run(toy, brainflix):
    found = json.loads(brainflix("list", "datasets", "--json").out)["datasets"]
    names = {each["name"] for each in found}
    assert {
        *("demo", "cc2017", "cc2017-neuroclips", "mindvideo", "bmd", "had", "hcp7t", "fudan"),
        *("algonauts2021", "algonauts2025"),
    } <= names
    assert {each["name"] for each in found if each["checked_on"]} == {"studyforrest", "studyforrest-sample"}
    table = brainflix("list", "datasets").out
    assert "run on real files" in table and "29.6 GB" in table
    one = brainflix("list", "datasets", "had")
    assert one.code == 0 and "trap" in one.out and "step" not in one.out
    assert brainflix("list", "datasets", "hda").code == 2
