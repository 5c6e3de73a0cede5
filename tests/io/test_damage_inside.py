"""Damage has one code wherever it is: what decoders conceal, what breaks off, and checksums that do not hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.clip_folder import open_clips
from brainflix.io.cut import cut
from brainflix.io.video import decode_at, duration_s
from tests.io.film_files import clip, write, write_gif

CODECS = {
    "h264.mp4": {"codec": "libx264", "pix": "yuv420p", "options": {"crf": "10", "threads": "1"}},
    "h264.mkv": {"codec": "libx264", "pix": "yuv420p", "options": {"crf": "10", "threads": "1"}},
    "mpeg4.avi": {"codec": "mpeg4", "pix": "yuv420p", "options": {"b": "2000000"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1", "pix": "yuv420p", "options": {"slicecrc": "1", "level": "3"}},
}


def noisy(n: int = 8) -> np.ndarray:
    """Return frames that need many bytes, so that damage hits pictures."""
    noise = np.random.default_rng(0).integers(-20, 20, (n, 64, 64, 3))
    return np.clip(clip(n=n, height=64, width=64).astype(int) + noise, 0, 255).astype(np.uint8)


def zeroed(path: Path, where: float, much: int = 200) -> None:
    data = bytearray(path.read_bytes())
    at = int(len(data) * where)
    data[at : at + much] = bytes(much)
    path.write_bytes(bytes(data))


def readers(path: Path) -> list[Callable[[], object]]:
    """Return what reads a video: as a clip of `score`, by times, and cut into clips."""
    return [
        lambda: open_clips(path.parent).read(path.stem),
        lambda: decode_at(path, np.array([0.0, 1.0])),
        lambda: list(cut(path, [0.0], 1.0, 3, 32)),
        lambda: list(cut(path, [0.0], 1.0, 3, 32, "ends")),
    ]


@pytest.mark.parametrize("kind", CODECS)
def test_what_a_decoder_conceals_is_damage_for_clips_and_films_alike(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"film.{kind.partition('.')[2]}", noisy(), **CODECS[kind])
    for read in readers(path):
        read()
    zeroed(path, 0.5)
    for read in readers(path):
        with pytest.raises(IntegrityError, match=rf"{path.name}") as caught:
            read()
        assert caught.value.exit_code == 4


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_zeros_anywhere_in_pictures_are_found_although_decoders_read_on(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    quiet = {"crf": "10", "threads": "1"} if codec == "libx264" else {"crf": "4", "x265-params": "log-level=none"}
    path = write(tmp_path / f"a.{suffix}", noisy(), codec=codec, pix="yuv420p", options=quiet)
    assert len(open_clips(tmp_path).read("a").frames) == 8
    whole = path.read_bytes()
    for where in np.linspace(0.15, 0.8, 14):
        path.write_bytes(whole)
        zeroed(path, where)
        with pytest.raises(IntegrityError, match=rf"a\.{suffix}"):
            open_clips(tmp_path).read("a")


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])
@pytest.mark.parametrize("part", [0.3, 0.55, 0.9])
def test_what_breaks_off_is_damage(tmp_path: Path, suffix: str, part: float) -> None:
    codec = {"webm": {"codec": "libvpx-vp9"}, "avi": {"codec": "mpeg4", "pix": "yuv420p"}}.get(suffix, {})
    path = write(tmp_path / f"a.{suffix}", noisy(), **codec)
    assert duration_s(path) == pytest.approx(8 / 6)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    for read in (*readers(path), lambda: duration_s(path)):
        with pytest.raises(IntegrityError, match=rf"a\.{suffix}"):
            read()


def test_a_film_whose_second_half_is_zeros_is_damage(tmp_path: Path) -> None:
    # As a download leaves it that made room first; the file has the size that it states.
    path = write(tmp_path / "a.mkv", noisy(12))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    for read in readers(path):
        with pytest.raises(IntegrityError, match=r"a\.mkv"):
            read()


def test_sound_that_lasts_longer_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        video, audio = out.add_stream("libx264", rate=6), out.add_stream("aac", rate=8000)
        video.height, video.width, video.pix_fmt = 32, 32, "yuv420p"
        for frame in clip():
            out.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(video.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        out.mux(audio.encode(silence))
        out.mux(audio.encode())
    read = open_clips(tmp_path).read("a")
    assert len(read.frames) == 6 and read.notes == () and duration_s(path) == pytest.approx(1.0)


WHOLE: list[tuple[str, str, str, dict[str, str]]] = [
    ("mp4", "libx264", "yuv420p", {"x264-params": "open-gop=1:keyint=5:bframes=3"}),
    ("mp4", "libx264", "yuv420p", {"x264-params": "intra-refresh=1:keyint=6"}),
    ("ts", "libx264", "yuv420p", {"x264-params": "interlaced=1:tff=1:slices=2"}),
    ("mp4", "mpeg4", "yuv420p", {"bf": "2"}),
    ("mpg", "mpeg2video", "yuv420p", {"bf": "2"}),
    ("wmv", "wmv2", "yuv420p", {}),
    ("flv", "flv", "yuv420p", {}),
    ("webm", "libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "8"}),
    ("ivf", "libvpx-vp9", "yuv420p", {}),
    ("mov", "prores_ks", "yuv422p10le", {}),
    ("avi", "huffyuv", "yuv422p", {}),
    ("mkv", "libx264rgb", "rgb24", {"crf": "0"}),
    ("y4m", "rawvideo", "yuv420p", {}),
]


@pytest.mark.parametrize(("suffix", "codec", "pix", "options"), WHOLE)
def test_whole_videos_of_many_kinds_are_read_with_all_their_frames(
    tmp_path: Path, suffix: str, codec: str, pix: str, options: dict[str, str]
) -> None:
    path = write(tmp_path / f"a.{suffix}", clip(n=12, height=48, width=64), codec=codec, pix=pix, options=options)
    read = open_clips(tmp_path).read("a")
    assert len(read.frames) == 12 and read.starts_s == pytest.approx(np.arange(12) / 6, abs=2e-3)
    assert np.abs(read.frames.astype(int) - clip(n=12, height=48, width=64)).mean() < 12
    assert duration_s(path) == pytest.approx(2.0) and not [note for note in read.notes if "interlaced" not in note]


def test_frames_that_an_edit_list_leaves_out_are_not_missing(tmp_path: Path) -> None:
    source = write(tmp_path / "source" / "a.mp4", clip(n=12), 10, options={"crf": "0", "bf": "0", "threads": "1"})
    (tmp_path / "cut").mkdir()
    with (
        av.open(str(source)) as whole,
        av.open(str(tmp_path / "cut" / "a.mp4"), "w", options={"avoid_negative_ts": "disabled"}) as out,
    ):
        stream = out.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                # Four frames come before the film's time 0: players decode them and do not show them.
                packet.pts, packet.dts = packet.pts - 4 * 1024, packet.dts - 4 * 1024
                packet.stream = stream
                out.mux(packet)
    read, expected = (open_clips(tmp_path / side).read("a") for side in ("cut", "source"))
    assert np.array_equal(read.frames, expected.frames[4:]) and read.notes == ()
    assert np.array_equal(decode_at(tmp_path / "cut" / "a.mp4", np.array([0.0]))[0], expected.frames[4])
    assert duration_s(tmp_path / "cut" / "a.mp4") == pytest.approx(0.8)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations_that_break_off_between_frames_are_damage(tmp_path: Path, suffix: str) -> None:
    frames = (np.random.default_rng(0).integers(0, 2, (6, 24, 24, 3)) * 255).astype(np.uint8)
    path = write_gif(tmp_path / f"a.{suffix}", frames, 100)
    assert len(open_clips(tmp_path).read("a").frames) == 6
    whole = path.read_bytes()
    for cut_at in range(len(whole) // 3, len(whole) - 1, max(1, len(whole) // 40)):
        path.write_bytes(whole[:cut_at])
        with pytest.raises(IntegrityError, match=rf"a\.{suffix}"):
            open_clips(tmp_path).read("a")


def test_a_gif_without_its_trailer_is_damage_and_one_with_more_behind_it_is_not(tmp_path: Path) -> None:
    path = write_gif(tmp_path / "a.gif", clip(), 100)
    whole, expected = path.read_bytes(), open_clips(tmp_path).read("a").frames
    path.write_bytes(whole + b"made by a friend")
    assert np.array_equal(open_clips(tmp_path).read("a").frames, expected)
    path.write_bytes(whole[:-1])
    with pytest.raises(IntegrityError, match=r"cannot read a\.gif.*breaks off"):
        open_clips(tmp_path).read("a")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_that_are_damaged_inside_are_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a").mkdir()
    for number, frame in enumerate(noisy(3)):
        Image.fromarray(frame).save(tmp_path / "a" / f"{number}.{suffix}", quality=90, compress_level=0)
    assert len(open_clips(tmp_path).read("a").frames) == 3
    zeroed(tmp_path / "a" / f"1.{suffix}", 0.6, 300)
    with pytest.raises(IntegrityError, match=rf"1\.{suffix}"):
        open_clips(tmp_path).read("a")


def test_one_byte_of_a_picture_stored_plainly_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "0.png"
    Image.fromarray(noisy(1)[0]).save(path, compress_level=0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=r"0\.png is damaged"):
        open_clips(tmp_path).read("a")


def test_an_animation_that_states_no_frame_is_damage_and_not_a_still(tmp_path: Path) -> None:
    path = write_gif(tmp_path / "a.png", clip(n=3), 100)
    assert len(open_clips(tmp_path).read("a").frames) == 3
    data = bytearray(path.read_bytes())
    at = data.find(b"acTL")
    data[at + 4 : at + 8] = bytes(4)
    data[at + 12 : at + 16] = zlib.crc32(data[at : at + 12]).to_bytes(4, "big")
    (tmp_path / "a.apng").write_bytes(bytes(data))
    path.unlink()
    with pytest.raises(IntegrityError, match=r"a\.apng is damaged"):
        open_clips(tmp_path).read("a")


def test_what_is_no_video_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    for read in (*readers(tmp_path / "text.mp4"), lambda: duration_s(tmp_path / "text.mp4")):
        with pytest.raises(IntegrityError, match=r"text\.mp4") as caught:
            read()
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(MissingError, match="nothing"):
        duration_s(tmp_path / "nothing.mp4")
