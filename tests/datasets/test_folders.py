"""Folders of films as people have them: other suffixes, and what a Mac leaves beside files."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.datasets.algonauts2021 import layout as algonauts2021
from brainflix.datasets.algonauts2025 import layout as algonauts2025
from brainflix.datasets.algonauts2025.about import DATASET as SERIES
from brainflix.datasets.cc2017.layout import CAPTIONS, STIMULI, find_segments
from brainflix.datasets.clips import load_clips
from brainflix.datasets.fudan import layout as fudan
from brainflix.datasets.fudan import miniature as fudan_miniature
from brainflix.datasets.had.layout import label_path, read_labels
from brainflix.download.intake import collect
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.parts.work import Intake
from brainflix.progress import Silent


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"a film")


CLUTTER = ("._0001_dog.mp4", ".DS_Store", "Thumbs.db", "read me.txt")


def test_numbered_films_of_any_suffix_and_nothing_else(tmp_path):
    home = tmp_path / algonauts2021.FILMS
    put(home, "0001_dog.mp4", "0002_a man, running.MKV", "0003_sea.m4v", *CLUTTER)
    found = [file.path for file in algonauts2021.found(tmp_path, {}, None)]
    names = ["0001_dog.mp4", "0002_a man, running.MKV", "0003_sea.m4v"]
    assert found == [f"{algonauts2021.FILMS}/{name}" for name in names]
    assert algonauts2021.film_path(tmp_path, "0002").name == "0002_a man, running.MKV"
    put(home, "0003_sea.webm")
    with pytest.raises(DataError, match=r"0003_sea\.m4v and 0003_sea\.webm are films of one name"):
        algonauts2021.found(tmp_path, {}, None)
    (home / "0003_sea.webm").rename(home / "0003_ocean.webm")
    with pytest.raises(DataError, match="two films have the number 0003"):
        algonauts2021.found(tmp_path, {}, None)


def test_pieces_of_films_of_any_suffix_in_folders(tmp_path):
    home = tmp_path / algonauts2025.FILMS
    put(home / "friends/s1", "friends_s01e01a.mkv", "friends_s01e01b.mp4", "._friends_s01e01a.mkv")
    put(home / "movie10", "bourne01.avi")
    found = [Path(file.path).name for file in algonauts2025.found(tmp_path, {}, None)]
    assert found == ["friends_s01e01a.mkv", "friends_s01e01b.mp4", "bourne01.avi"]
    assert algonauts2025.film_path(tmp_path, "s01e01b").suffix == ".mp4"


def annexed(path: Path, *, locked: bool) -> None:
    """Put what a fresh clone of git-annex holds in a film's place: a link to nothing, or a small file."""
    key = f"SHA256E-s1234--{'0' * 64}{path.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if locked:
        path.symlink_to(f"../../../../.git/annex/objects/zz/qq/{key}/{key}")
    else:
        path.write_text(f"/annex/objects/{key}\n")


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("n_here", [0, 1, 3])
def test_a_clone_is_not_whole_before_all_its_films_are_fetched(tmp_path, n_here, locked):
    names = [f"friends_s01e0{number}a.mkv" for number in (1, 2, 3)]
    home = tmp_path / "clone" / algonauts2025.FILMS / "friends/s1"
    put(home, *names[:n_here])
    for name in names[n_here:]:
        annexed(home / name, locked=locked)
    (home / "friends_s09e01a.mkv").symlink_to("nowhere")
    intake = Intake(tmp_path / "waiting", tmp_path / "clone", True)
    if n_here == 3:
        _, listing = collect(SERIES, {}, None, intake, Silent())
        assert [Path(file.path).name for file in listing.files] == names
        return
    with pytest.raises(MissingError, match=f"{3 - n_here} files of the stimuli") as caught:
        collect(SERIES, {}, None, intake, Silent())
    assert f"git annex get {algonauts2025.FILMS}/friends/s1/{names[n_here]}" in caught.value.next


def test_a_folder_that_is_only_looked_into_for_a_hint_may_hold_anything(tmp_path):
    put(tmp_path / "given/a" / algonauts2025.FILMS, "bourne01.avi", "bourne01.mkv")
    put(tmp_path / "given/b" / algonauts2025.FILMS, "bourne01.avi")
    intake = Intake(tmp_path / "waiting", tmp_path / "given", True)
    with pytest.raises(MissingError, match="its folder b does"):
        collect(SERIES, {}, None, intake, Silent())
    intake = Intake(tmp_path / "waiting", tmp_path / "given/a", True)
    with pytest.raises(DataError, match="films of one name"):
        collect(SERIES, {}, None, intake, Silent())


def test_named_films_of_any_suffix_and_nothing_else(tmp_path):
    fudan_miniature.make(tmp_path, subjects=())
    home = tmp_path / fudan.HOME / "stimuli"
    one, other = fudan.films_of(tmp_path, 2)[:2]
    (home / f"{one}.mp4").rename(home / f"{one}.m4v")
    put(home, "._x.mp4", f"{other}.mp4")
    films = [Path(file.path).name for file in fudan.found(tmp_path, {}, None) if file.path.endswith(("4", "v"))]
    assert sorted(films) == sorted([f"{one}.m4v", f"{other}.mp4"])
    assert fudan.film_path(tmp_path, one).name == f"{one}.m4v"
    with pytest.raises(MissingError, match="no film 999 in"):
        fudan.film_path(tmp_path, "999")


@pytest.mark.parametrize("spoilt", [b"\xff\xfe\x00", b"{", b"[" * 100_000])
def test_texts_that_are_none_are_one_sentence(tmp_path, spoilt):
    put(tmp_path / STIMULI, "seg1.mp4", "seg2.mp4", "test1.mp4")
    captions = tmp_path / CAPTIONS
    captions.parent.mkdir(parents=True, exist_ok=True)
    captions.write_bytes(spoilt)
    with pytest.raises(IntegrityError, match=r"cannot read captions\.json"):
        load_clips(tmp_path, 2.0)
    captions.write_text('["seg1"]')
    with pytest.raises(DataError, match="no table from segments"):
        load_clips(tmp_path, 2.0)
    captions.write_text('{"seg1": ["a"], "seg2": ["b"], "test1": ["c"]}', encoding="utf-8-sig")
    assert load_clips(tmp_path, 2.0).caption == ("a", "b", "c")
    for read, name in ((lambda: fudan.films_of(tmp_path, 2), fudan.condition_path(2)),
                       (lambda: read_labels(tmp_path / label_path(1, 1)), label_path(1, 1))):  # fmt: skip
        put((tmp_path / name).parent, name.name)
        (tmp_path / name).write_bytes(b"caf\xe9.mp4\n")
        with pytest.raises(IntegrityError, match=f"cannot read {name.name}"):
            read()


def test_what_a_mac_leaves_is_no_segment(tmp_path):
    put(tmp_path / STIMULI, "seg2.mp4", "seg1.mp4", "test1.mp4", "._seg1.mp4", ".DS_Store")
    assert find_segments(tmp_path) == ["seg1", "seg2", "test1"]


def test_films_that_leave_nothing_to_learn_from_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("brainflix.datasets.clips.duration_s", lambda path: 0.5 if path.stem == "seg2" else 16.0)
    put(tmp_path / STIMULI, "seg1.mp4", "test1.mp4")
    with pytest.raises(DataError, match="0 clips are for training"):
        load_clips(tmp_path, 2.0)
    put(tmp_path / STIMULI, "seg2.mp4", "seg3.mp4")
    with pytest.raises(DataError, match="seg2 has 0 clips"):
        load_clips(tmp_path, 2.0)
    monkeypatch.setattr("brainflix.datasets.clips.duration_s", lambda path: 16.0)
    assert len(load_clips(tmp_path, 2.0)) == 4 * 8
