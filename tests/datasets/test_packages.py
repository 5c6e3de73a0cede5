"""Archives that a password or a link opens: BOLD Moments' films and Algonauts 2021, from a local server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from locked_zip import locked_zip

from brainflix.cli.app import invoke
from brainflix.datasets.algonauts2021 import layout as algonauts2021
from brainflix.datasets.algonauts2021 import miniature
from brainflix.datasets.bmd import layout as bmd
from brainflix.errors import IntegrityError, UsageError
from brainflix.io.archives import unpack
from brainflix.io.fetch.package import Package
from brainflix.store.store import Store
from brainflix.testing.server import Site, serve

PASSWORD = "open sesame 4711"
FILMS = {
    f"stimulus_set/stimuli/{split}/{n:04d}.mp4": bytes([n % 7]) * 900 for n, split in ((1, "train"), (1001, "test"))
}
FRAMES = {"stimulus_set/frames/0001/001.jpg": b"a frame", "stimulus_set/stimuli/localizer/1.mp4": b"another film"}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Iterator[Path]:
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRAINFLIX_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("BRAINFLIX_BMD_PASSWORD", raising=False)
    monkeypatch.delenv("BRAINFLIX_ALGONAUTS2021_LINK", raising=False)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def films(monkeypatch):
    """BOLD Moments with two films, whose archive a local server has."""
    with serve() as site:
        body = locked_zip({**FRAMES, **FILMS}, PASSWORD)
        url = site.put("stimulus_set.zip", body)
        monkeypatch.setattr(bmd, "ARCHIVE", replace(bmd.ARCHIVE, url=url, size=len(body)))
        monkeypatch.setattr(bmd, "N_TRAIN", 1)
        real = bmd.files
        two = [bmd.RemoteFile(name.removeprefix("stimulus_set/")) for name in FILMS]
        two.append(bmd.RemoteFile(str(bmd.CAPTIONS), site.put("annotations.json", b"{}"), optional=True))
        monkeypatch.setattr(bmd, "files", lambda params, who: two if who is None else real(params, who))
        yield site


def run(capsys, *words: str) -> tuple[int, str]:
    code = invoke(words)
    said = capsys.readouterr()
    return code, said.out + said.err


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip")


STIMULI = ("download", "bmd", "--step", "stimuli")


def test_the_terms_come_first_then_the_password_then_the_films(place, films, capsys, monkeypatch):
    code, said = run(capsys, *STIMULI)
    assert code == 2 and "stimuli_access.txt" in said and "--i-agree bmd" in said and not films.requests
    code, said = run(capsys, *STIMULI, "--i-agree", "bmd")
    assert code == 3 and "BRAINFLIX_BMD_PASSWORD" in said and not films.requests
    monkeypatch.setenv("BRAINFLIX_BMD_PASSWORD", PASSWORD)
    code, said = run(capsys, *STIMULI, "--json")
    assert code == 0 and PASSWORD not in said
    raw = Store(place / "store").open("raw/bmd-stimuli")
    assert {p.relative_to(raw.path).as_posix(): p.read_bytes() for p in raw.path.rglob("*.mp4")} == {
        name.removeprefix("stimulus_set/"): body for name, body in FILMS.items()
    }
    assert raw.json("provenance.json")["archive_url"] == films.url + "/stimulus_set.zip"
    assert PASSWORD.encode() not in written(place / "store")
    assert raw.file(str(bmd.CAPTIONS)).read_bytes() == b"{}"
    assert not list(place.rglob("*.zip")) and not list(place.rglob("*.jpg"))


def test_captions_that_cannot_be_had_do_not_keep_the_films_away(place, films, capsys, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_BMD_PASSWORD", PASSWORD)
    del films.files["annotations.json"]
    code, said = run(capsys, *STIMULI, "--i-agree", "bmd")
    assert code == 0 and "without derivatives/stimuli_metadata/annotations.json, which is optional" in said


def test_the_brain_data_of_bold_moments_ask_for_no_terms(place, capsys):
    code, said = run(capsys, "download", "bmd", "--subject", "1", "--step", "bold", "--offline")
    assert code == 3 and "offline" in said and "--i-agree" not in said


def test_a_wrong_password_is_said_before_anything_is_written_and_the_archive_stays(place, films, capsys, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_BMD_PASSWORD", "a wrong password")
    code, said = run(capsys, *STIMULI, "--i-agree", "bmd")
    assert code == 2 and "the password does not open stimulus_set.zip" in said and "a wrong password" not in said
    assert not list(place.rglob("*.mp4")) and len(films.requests) == 1
    monkeypatch.setenv("BRAINFLIX_BMD_PASSWORD", PASSWORD)
    assert run(capsys, *STIMULI)[0] == 0
    assert [path for path, _ in films.requests] == ["stimulus_set.zip", "annotations.json"]


def test_the_password_is_typed_at_a_terminal_only(place, films, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda text, **how: asked.append((text, how)) or f" {PASSWORD}\n")
    assert run(capsys, *STIMULI)[0] == 2 and not asked
    code, said = run(capsys, *STIMULI, "--i-agree", "bmd")
    assert code == 0 and PASSWORD not in said and "stimuli_access.txt" in said
    assert asked == [("the password of the films", {"hide_input": True, "err": True})]


def test_a_plan_says_the_archives_size_and_asks_for_nothing(place, films, capsys, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_BMD_PASSWORD", PASSWORD)
    code, said = run(capsys, *STIMULI, "--dry-run", "--json")
    plan = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert code == 0 and plan["fetch_bytes"] == bmd.ARCHIVE.size and plan["stages"][0]["n_by_hand"] == 0
    assert PASSWORD not in said and not films.requests


def test_a_folder_of_films_is_adopted_without_a_password(place, films, capsys):
    for name, body in FILMS.items():
        path = place / "got" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    code, said = run(capsys, *STIMULI, "--i-agree", "bmd", "--from", str(place / "got"))
    assert code == 0 and not films.requests, said


def challenge(site: Site, folder: Path) -> str:
    """Serve the challenge's archive as Dropbox does: the file with `dl=1`, and a page about it otherwise."""
    miniature.make(folder, subjects=(1, 2))
    names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    body = locked_zip({f"participants/{name}": content for name, content in names.items()}, "")
    page = (200, {"Content-Type": "text/html"}, b"<!doctype html>")
    site.pages = lambda path, query, headers: (200, {}, body) if "dl=1" in query else page
    return f"{site.url}/s/private0816/participants_data.zip"


def test_one_link_brings_films_and_subjects_and_is_kept_nowhere(place, capsys, monkeypatch):
    with serve() as site:
        link = challenge(site, place / "files")
        monkeypatch.setenv("BRAINFLIX_ALGONAUTS2021_LINK", f"{link}?dl=1")
        code, said = run(capsys, "download", "algonauts2021", "--subject", "1")
        more, also = run(capsys, "download", "algonauts2021", "--subject", "2", "--step", "bold")
    assert (code, more) == (0, 0), said + also
    assert len(site.requests) == 1 and "private0816" not in said + also
    assert b"private0816" not in written(place / "store")
    store = Store(place / "store")
    assert len(store.open("raw/algonauts2021-sub-2").json("provenance.json")["files"]) == 9
    assert list((store.open("raw/algonauts2021-stimuli").path / algonauts2021.FILMS).glob("0001_*"))


def test_a_link_to_a_page_is_refused_and_not_shown(place, capsys, monkeypatch):
    with serve() as site:
        monkeypatch.setenv("BRAINFLIX_ALGONAUTS2021_LINK", challenge(site, place / "files"))
        code, said = run(capsys, "download", "algonauts2021", "--subject", "1", "--step", "bold")
    assert code == 3 and "(the link that you gave) answers with a web page" in said and "private0816" not in said
    assert not list(place.rglob("*.zip")) and "algonauts.csail.mit.edu/2021" in said


@pytest.mark.parametrize(
    "link, address",
    [
        ("https://www.dropbox.com/s/ab/x.zip?dl=0", "https://www.dropbox.com/s/ab/x.zip?dl=1"),
        ("https://www.dropbox.com/s/ab/x.zip", "https://www.dropbox.com/s/ab/x.zip?dl=1"),
        ("https://dropbox.com/scl/fi/ab/x.zip?rlkey=q&dl=0#top", "https://dropbox.com/scl/fi/ab/x.zip?rlkey=q&dl=1"),
        ("https://elsewhere.example/x.zip?dl=0", "https://elsewhere.example/x.zip?dl=0"),
    ],
)
def test_a_link_of_dropbox_asks_for_the_file(link, address):
    assert algonauts2021.package(1, link).file.url == address


@pytest.mark.parametrize("link", ["private0816", "file:///etc/passwd", "https://"])
def test_what_is_no_link_is_refused_and_not_repeated(link):
    with pytest.raises(UsageError) as caught:
        algonauts2021.package(1, link)
    assert "private" not in str(caught.value) and "passwd" not in str(caught.value)


def test_members_are_opened_by_the_password_alone(tmp_path):
    (tmp_path / "a.zip").write_bytes(locked_zip(FILMS, PASSWORD))
    with pytest.raises(IntegrityError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=10**6)
    wanted = Package(bmd.ARCHIVE, bmd.FILMS)
    unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=10**6, wants=wanted.wants, password=PASSWORD)
    assert {path: (tmp_path / "out" / path).read_bytes() for path in FILMS} == FILMS
    assert "password" not in repr(replace(wanted, password=PASSWORD)) and PASSWORD not in repr(wanted)
