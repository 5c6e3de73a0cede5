"""What lies in a folder is read or named, whatever a system left there, however names are composed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainflix.errors import DataError
from brainflix.io.clip_folder import open_clips
from tests.io.film_files import clip, write, write_gif


def put_frames(folder: Path, names: list[str], frames: np.ndarray | None = None) -> None:
    folder.mkdir(parents=True)
    for name, frame in zip(names, clip(n=len(names)) if frames is None else frames, strict=True):
        Image.fromarray(frame).save(folder / name)


def test_every_format_that_can_be_read_is(tmp_path: Path) -> None:
    for suffix in ("mp4", "m4v", "mov", "mkv", "3gp", "ts", "flv", "avi"):
        write(tmp_path / f"of {suffix}.{suffix}", clip(), pix="yuv420p")
    write(tmp_path / "of webm.WEBM", clip(), codec="libvpx-vp9", pix="yuv420p")
    for suffix in ("gif", "webp"):
        write_gif(tmp_path / f"of {suffix}.{suffix}", clip(), 100)
    np.save(tmp_path / "of npy.npy", clip())
    put_frames(tmp_path / "of frames", [f"{n}.bmp" for n in range(6)])
    found = open_clips(tmp_path)
    assert len(found.ids) == 13 and found.passed_over == ()
    for name in found.ids:
        assert np.abs(found.read(name).frames.astype(int) - clip()).mean() < 12, name


def test_what_is_no_clip_is_named_and_what_systems_leave_is_not(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", clip())
    for name in (".DS_Store", "._a.mp4", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    for name in ("b.mpp", "readme.txt", "still.png"):
        (tmp_path / name).write_text("x")
    write(tmp_path / "more" / "c.mp4", clip())
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._a.mp4").write_bytes(b"\0")
    found = open_clips(tmp_path)
    assert found.ids == ("a",) and set(found.passed_over) == {"b.mpp", "readme.txt", "still.png", "more"}


def test_a_clip_of_frames_names_what_else_is_there(tmp_path: Path) -> None:
    put_frames(tmp_path / "a", [f"{n}.png" for n in range(4)])
    for name in ("._0.png", ".DS_Store", "Thumbs.db"):
        (tmp_path / "a" / name).write_bytes(b"\0\5\26\7")
    assert open_clips(tmp_path).read("a").notes == ()
    (tmp_path / "a" / "4.tif").write_bytes(b"x")
    (tmp_path / "a" / "more").mkdir()
    read = open_clips(tmp_path).read("a")
    assert len(read.frames) == 4 and read.notes == ("passed over in a: 4.tif, more",)


def test_where_there_is_no_clip_what_is_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(DataError, match=r"no clips in.*a\.xyz"):
        open_clips(tmp_path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["0.png", "1.png", "3.png"], "a lacks frame 2, between 1 and 3"),
        (["f_0010.png", "f_0020.png", "f_0030.png", "f_0060.png"], "a lacks frame 40, between 30 and 60"),
        (["0.png", "1.png", "01.png"], "a holds two frames of number 1"),
        (["0.png", "1.jpg", "1.png"], "a holds two frames of number 1"),
        (["0.png", "1.png", "cover.png"], "not numbered like its frames.*cover"),
        (["0.png", "1.png", "mask_2.png"], "not numbered like its frames.*mask_2"),
    ],
)
def test_numbers_of_frames_that_leave_a_gap_or_meet_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    put_frames(tmp_path / "a", names)
    with pytest.raises(DataError, match=words):
        open_clips(tmp_path).read("a")


@pytest.mark.parametrize(
    "names",
    [
        ["5.png", "6.png", "7.png"],
        ["frame_004.png", "frame_006.png", "frame_008.png"],
        [f"{n}.png" for n in (0, 3, 6, 9, 12, 15, 18, 22, 25, 28, 31, 34, 37, 40, 44)],
        ["first.png", "last.png"],
        ["7.png"],
        ["clip2_1.png", "clip2_2.png"],
        ["0.png", "1.jpg", "2.png"],
    ],
)
def test_numbers_without_a_gap_are_not(tmp_path: Path, names: list[str]) -> None:
    put_frames(tmp_path / "a", names)
    assert len(open_clips(tmp_path).read("a").frames) == len(names)


NFC, NFD = (unicodedata.normalize(form, "café 2") for form in ("NFC", "NFD"))


def test_both_forms_in_one_folder_are_two_clips(tmp_path: Path) -> None:
    for number, name in enumerate((NFC, NFD)):
        write(tmp_path / f"{name}.mp4", clip(number))
    assert len(list(tmp_path.iterdir())) == 2, "this file system keeps names as they are"
    found = open_clips(tmp_path)
    assert set(found.ids) == {NFC, NFD}
    assert not np.array_equal(found.read(NFC).frames, found.read(NFD).frames)
