"""What a player shows: turned, uncovered, opaque, in the colours that the file states."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from brainflix.errors import DataError
from brainflix.io.clip_folder import open_clips
from brainflix.io.clip_read import ALPHA_NOTE
from brainflix.io.cut import cut
from brainflix.io.frames import resize
from brainflix.io.video import decode_at
from tests.io.film_files import LOSSLESS, clip, flag_matrix, levels, write, write_gif

TURNED_NOTE = "pictures were turned as their files say"
STRETCHED_NOTE = "pixels that are not square were stretched"
# Display matrix (a, b, c, d), and how the picture is stored so that it comes out upright.
TURNS: dict[str, tuple[tuple[int, int, int, int], Any]] = {
    "none": ((1, 0, 0, 1), lambda f: f),
    "90": ((0, 1, -1, 0), lambda f: np.rot90(f, 1, axes=(1, 2))),
    "180": ((-1, 0, 0, -1), lambda f: np.rot90(f, 2, axes=(1, 2))),
    "270": ((0, -1, 1, 0), lambda f: np.rot90(f, 3, axes=(1, 2))),
    "mirrored": ((-1, 0, 0, 1), lambda f: f[:, :, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda f: f[:, ::-1]),
    "over the diagonal": ((0, 1, 1, 0), lambda f: f.transpose(0, 2, 1, 3)),
    "over the other": ((0, -1, -1, 0), lambda f: np.rot90(f, 2, axes=(1, 2)).transpose(0, 2, 1, 3)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_quarter_turns_and_mirrors_are_applied_to_clips_and_films(tmp_path: Path, turn: str) -> None:
    matrix, stored = TURNS[turn]
    upright = clip(height=32, width=48)
    plain = write(tmp_path / "plain" / "a.mp4", upright)
    path = write(tmp_path / "turned" / "a.mp4", np.ascontiguousarray(stored(upright)))
    flag_matrix(path, *matrix)
    read, expected = (open_clips(each.parent).read("a") for each in (path, plain))
    assert np.array_equal(read.frames, expected.frames) and read.frames.shape == upright.shape
    assert read.notes == (() if turn == "none" else (TURNED_NOTE,))
    assert np.array_equal(decode_at(path, np.array([0.5])), decode_at(plain, np.array([0.5])))
    notes: dict[str, None] = {}
    ((_, found),) = cut(path, [0.0], 1.0, 3, 24, notes=notes)
    ((_, wanted),) = cut(plain, [0.0], 1.0, 3, 24)
    assert np.array_equal(found, wanted)
    assert list(notes) == ([] if turn == "none" else [f"a.mp4: {TURNED_NOTE}"])


def test_other_turns_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", clip())
    flag_matrix(path, 0.866, 0.5, -0.5, 0.866)
    for read in (lambda: open_clips(tmp_path).read("a"), lambda: decode_at(path, np.array([0.0]))):
        with pytest.raises(DataError, match=r"a\.mp4 as a player does.*quarter turns"):
            read()


def with_streams(path: Path, *streams: tuple[np.ndarray, str, Any]) -> Path:
    """Write several video streams; each has frames, a codec and a disposition."""
    with av.open(str(path), "w") as out:
        made = []
        for frames, codec, disposition in streams:
            stream: Any = out.add_stream(codec, rate=6)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv444p"
            stream.options = LOSSLESS if codec == "libx264" else {}
            if disposition is not None:
                stream.disposition = disposition
            made.append((stream, frames))
        for stream, frames in made:
            for pixels in frames:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode())
    return path


Disposition = av.stream.Disposition


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_cover_is_not_the_film(tmp_path: Path, suffix: str) -> None:
    plain = write(tmp_path / "plain.mp4", clip(3))
    with_streams(
        tmp_path / f"a.{suffix}",
        (levels([250], 64), "mjpeg", Disposition.attached_pic),
        (clip(3), "libx264", Disposition.default),
    )
    read = open_clips(tmp_path).read("a")
    assert np.array_equal(read.frames, open_clips(tmp_path).read("plain").frames)
    assert np.array_equal(decode_at(tmp_path / f"a.{suffix}", np.array([0.5])), decode_at(plain, np.array([0.5])))


def test_a_cover_alone_is_no_film(tmp_path: Path) -> None:
    with_streams(tmp_path / "a.mp4", (levels([250], 64), "mjpeg", Disposition.attached_pic))
    with pytest.raises(DataError, match="no video in it"):
        open_clips(tmp_path).read("a")


def test_of_several_videos_the_default_one_is_taken_and_said(tmp_path: Path) -> None:
    write(tmp_path / "plain.mp4", clip(3))
    with_streams(
        tmp_path / "a.mkv",
        (levels([9] * 6, 64), "libx264", Disposition(0)),
        (clip(3), "libx264", Disposition.default),
    )
    found = open_clips(tmp_path)
    assert np.array_equal(found.read("a").frames, found.read("plain").frames)
    assert found.read("a").notes == ("a.mkv has 2 videos in it: number 2 was taken",)
    notes: dict[str, None] = {}
    list(cut(tmp_path / "a.mkv", [0.0], 1.0, 2, 32, notes=notes))
    assert list(notes) == ["a.mkv has 2 videos in it: number 2 was taken"]


def test_transparent_films_lie_on_black_or_are_refused(tmp_path: Path) -> None:
    rgba = np.concatenate([clip(), np.full((6, 32, 32, 1), 128, np.uint8)], -1)
    write(tmp_path / "a.mov", rgba, codec="png", pix="rgba")
    read = open_clips(tmp_path).read("a")
    assert np.array_equal(read.frames, np.rint(clip() * (128 / 255)).astype(np.uint8)) and read.notes == (ALPHA_NOTE,)
    notes: dict[str, None] = {}
    ((_, found),) = cut(tmp_path / "a.mov", [0.0], 1.0, 6, 32, notes=notes)
    assert np.array_equal(found, read.frames) and list(notes) == [f"a.mov: {ALPHA_NOTE}"]
    # VP9 keeps what is transparent beside its pictures, where its decoder does not look.
    write(tmp_path / "b.webm", rgba, codec="libvpx-vp9", pix="yuva420p")
    with pytest.raises(DataError, match=r"b\.webm is transparent"):
        open_clips(tmp_path).read("b")


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    narrow = clip(height=32, width=24)
    write(tmp_path / "a.mp4", narrow, aspect=Fraction(2))
    write(tmp_path / "plain.mp4", narrow)
    plain = open_clips(tmp_path).read("plain")
    read = open_clips(tmp_path).read("a")
    assert read.frames.shape == (6, 32, 48, 3) and read.notes == (STRETCHED_NOTE,)
    assert np.array_equal(read.frames, resize(plain.frames, 32, 48)) and plain.notes == ()


@pytest.mark.parametrize("turn", ["90", "270", "180"])
def test_pixels_are_stretched_before_the_picture_is_turned(tmp_path: Path, turn: str) -> None:
    """A telephone's film of 64 x 48 at 4:3 is shown 85 wide, and turned by a quarter 48 wide and 85 high."""
    stored = clip(height=48, width=64)
    flag_matrix(write(tmp_path / "a.mp4", stored, aspect=Fraction(4, 3)), *TURNS[turn][0])
    write(tmp_path / "plain.mp4", stored)
    wide = resize(open_clips(tmp_path).read("plain").frames, 48, 85)
    read = open_clips(tmp_path).read("a")
    assert np.array_equal(read.frames, np.rot90(wide, -int(turn) // 90, axes=(1, 2)))
    assert read.frames.shape[1:3] == ((48, 85) if turn == "180" else (85, 48))
    assert set(read.notes) == {STRETCHED_NOTE, TURNED_NOTE}


# ITU-T H.273: red and blue weights of BT.601, BT.709 and BT.2020.
WEIGHTS = {"none": (2, 0.299, 0.114), "601": (5, 0.299, 0.114), "709": (1, 0.2126, 0.0722), "2020": (9, 0.2627, 0.0593)}


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_the_matrix_and_the_range_that_are_stated(tmp_path: Path, matrix: str, full: bool) -> None:
    number, kr, kb = WEIGHTS[matrix]
    values, path = (120, 90, 180), tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("ffv1", rate=6)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = number, 2 if full else 1
        frame = av.VideoFrame(16, 16, "yuv444p")
        for plane, value in zip(frame.planes, values, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.colorspace, frame.color_range, frame.pts = number, 2 if full else 1, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    # BT.601, section 2.5; the others alike.
    luma = values[0] if full else (values[0] - 16) * 255 / 219
    blue, red = ((value - 128) * (1 if full else 255 / 224) for value in values[1:])
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    for found in (open_clips(tmp_path).read("a").frames[0], decode_at(path, np.array([0.0]))[0]):
        assert np.abs(found[8, 8] - np.array([r, g, b])).max() < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pictures_are_turned_as_exif_says(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {
        "exif": exif,
        **({"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "jpg" else {}),
    }
    (tmp_path / "a").mkdir()
    for number, frame in enumerate(clip(n=2, height=16, width=24)):
        Image.fromarray(frame).save(tmp_path / "a" / f"{number}.{suffix}", **options)
    read = open_clips(tmp_path).read("a")
    with Image.open(tmp_path / "a" / f"1.{suffix}") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    stored = clip(n=2, height=16, width=24)[1]
    shown = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, 3),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }[orientation]
    assert np.array_equal(read.frames[1], expected)
    assert np.abs(read.frames[1].astype(int) - shown).max() <= (0 if suffix != "jpg" else 60)
    assert read.notes == (() if orientation == 1 else (TURNED_NOTE,))


@pytest.mark.parametrize("suffix", ["webp", "apng", "png"])
def test_animations_give_their_frames_and_times(tmp_path: Path, suffix: str) -> None:
    frames = clip(n=5)[[0, 1, 1, 2, 3]]
    options = {"lossless": True} if suffix == "webp" else {}
    if suffix == "apng":
        write_gif(tmp_path / "a.png", frames, 100).rename(tmp_path / "a.apng")
    else:
        write_gif(tmp_path / f"a.{suffix}", frames, 100, **options)
    read = open_clips(tmp_path).read("a")
    assert np.array_equal(read.frames, frames) and read.starts_s == pytest.approx(np.arange(5) * 0.1)
    assert read.last_s == pytest.approx(0.1)


def test_the_still_beside_an_animated_png_is_no_frame(tmp_path: Path) -> None:
    write_gif(tmp_path / "a.png", np.concatenate([levels([7]), clip(n=3)]), 100, default_image=True)
    assert np.array_equal(open_clips(tmp_path).read("a").frames, clip(n=3))
