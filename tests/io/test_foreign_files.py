"""Files that lead elsewhere, or are not what they seem: only what is in the file is read, and only our error comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainflix.errors import BrainflixError, DataError, IntegrityError
from brainflix.io.clip_folder import open_clips
from brainflix.io.video import decode_at, duration_s
from tests.io.film_files import clip, write, write_gif

LISTS = {
    "concat": "ffconcat version 1.0\nfile other.mkv\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mkv\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "subtitles": "WEBVTT\n\n00:00.000 --> 00:09.000\nother.mkv\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
    'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>other.mkv</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_lists_of_other_files_are_not_followed(tmp_path: Path, kind: str, suffix: str) -> None:
    write(tmp_path / "elsewhere" / "other.mkv", clip())
    path = tmp_path / "elsewhere" / f"a.{suffix}"
    path.write_text(LISTS[kind])
    found = open_clips(tmp_path / "elsewhere")
    assert len(found.read("other").frames) == 6
    for read in (lambda: found.read("a"), lambda: decode_at(path, np.array([0.0])), lambda: duration_s(path)):
        with pytest.raises(IntegrityError, match=rf"cannot read a\.{suffix}"):
            read()


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_a_picture_by_the_name_of_a_video_is_none(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(clip()[0]).save(tmp_path / f"0.{suffix}")
    (tmp_path / f"0.{suffix}").rename(tmp_path / "a.mp4")
    with pytest.raises(IntegrityError, match=r"cannot read a\.mp4.*no format of videos that is read here"):
        open_clips(tmp_path).read("a")


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    write(tmp_path / "clip%03d.mp4", clip(1))
    write(tmp_path / "file:odd.mp4", clip(2))
    found = open_clips(tmp_path)
    assert [len(found.read(name).frames) for name in ("clip%03d", "file:odd")] == [6, 6]


def test_pictures_of_other_kinds_are_not_opened_by_their_content(tmp_path: Path) -> None:
    # Pillow reads PostScript by starting another program.
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(IntegrityError, match=r"0\.png"):
        open_clips(tmp_path).read("a")


def test_a_codec_that_nobody_knows_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", clip())
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zz99"))
    for read in (lambda: open_clips(tmp_path).read("a"), lambda: duration_s(path)):
        with pytest.raises(BrainflixError, match=r"a\.mp4.*codec is unknown"):
            read()


def test_names_inside_a_file_need_not_be_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", clip())
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    assert len(open_clips(tmp_path).read("a").frames) == 6


def test_an_animation_among_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_gif(tmp_path / "a" / "0.webp", clip(n=3), 100)
    with pytest.raises(DataError, match=r"0\.webp is animated"):
        open_clips(tmp_path).read("a")


def test_an_archive_by_the_name_of_an_array_is_told_to_be_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", frames=clip())
    (tmp_path / "b.npz").rename(tmp_path / "a.npy")
    np.save(tmp_path / "c.npy", clip())
    with pytest.raises(DataError, match=r"a\.npy is an npz archive.*call it a\.npz"):
        open_clips(tmp_path).read("a")
    assert np.array_equal(open_clips(tmp_path).read("c").frames, clip())
