"""Films are cut by the times of their own frames: as a player shows them, and at a constant rate as ever."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from brainflix.errors import IntegrityError
from brainflix.io.clip_folder import open_clips
from brainflix.io.cut import cut
from brainflix.io.video import decode_at, duration_s, encode
from tests.io.film_files import clip, levels, write, write_gif

TICK = Fraction(1, 3000)
# 30 frames a second for 4 s, then 15 for 4 s: eight clips of a second, each brighter than the one before.
STARTS = np.concatenate([np.arange(120) / 30, 4 + np.arange(60) / 15])


def shade(seconds: np.ndarray) -> np.ndarray:
    return (40 + 24 * np.floor(seconds + 1e-6)).astype(int)


def uneven(path: Path) -> Path:
    return write(path, levels(shade(STARTS)), 30, pts=np.round(STARTS * 3000), tick=TICK)


def even(path: Path) -> Path:
    return write(path, levels(shade(np.arange(240) / 30)), 30)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("sampling", ["onset", "ends"])
def test_a_film_of_two_rates_is_cut_as_the_same_film_of_one(tmp_path: Path, suffix: str, sampling: str) -> None:
    found, plain = (
        dict(cut(write_film(tmp_path / f"{write_film.__name__}.{suffix}"), np.arange(8.0), 1.0, 4, 32, sampling))
        for write_film in (uneven, even)
    )
    assert [int(found[n][0, 0, 0, 0]) for n in range(8)] == pytest.approx([40 + 24 * n for n in range(8)], abs=1)
    assert all(np.array_equal(found[n], plain[n]) for n in range(8))


def test_times_of_a_film_of_two_rates_show_what_is_on_screen(tmp_path: Path) -> None:
    path = uneven(tmp_path / "film.mp4")
    # Not near a change of picture, where rounding decides.
    times = np.arange(0.05, 8, 0.1)
    assert np.abs(decode_at(path, times)[:, 0, 0, 0] - shade(times)).max() <= 1
    # Its writer states a thirtieth of a second for the last frame.
    assert duration_s(path) == pytest.approx(STARTS[-1] + 1 / 30)


def test_a_still_that_is_held_is_shown_as_long_as_it_lasts(tmp_path: Path) -> None:
    # Three frames: one of a tenth, one that is held for five seconds, one of a second.
    write(tmp_path / "a.mp4", levels([40, 120, 200]), 10, pts=[0, 10, 510], tick=Fraction(1, 100))
    shown = decode_at(tmp_path / "a.mp4", np.array([0.02, 0.2, 2.5, 4.9, 5.13]))[:, 0, 0, 0]
    assert np.abs(shown.astype(int) - [40, 120, 120, 120, 200]).max() <= 1


def test_random_times_agree_with_the_definition(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    starts = np.concatenate([[0], np.cumsum(draw.integers(20, 400, 30))])
    write(tmp_path / "a.mp4", levels(np.arange(31) * 7 + 20), 30, pts=starts, tick=Fraction(1, 1000))
    times = np.sort(draw.uniform(0, starts[-1] / 1000, 200))
    on_screen = np.searchsorted(starts / 1000, times, side="right") - 1
    near = np.abs(times[:, None] - starts / 1000).min(axis=1) < 0.0011
    shown = (decode_at(tmp_path / "a.mp4", times)[:, 0, 0, 0].astype(int) - 20 + 3) // 7
    assert np.array_equal(shown[~near], on_screen[~near]) and (~near).sum() > 190


@pytest.mark.parametrize("rate", [30, 25, Fraction(30000, 1001), Fraction(24000, 1001), 6])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("avi", "libx264"), ("ts", "libx264")],
)
def test_at_a_constant_rate_frames_are_counted(tmp_path: Path, rate: Fraction, suffix: str, codec: str) -> None:
    # Whatever the container rounds times to; the frame whose start is nearest, a half to the later one.
    path = write(tmp_path / f"a.{suffix}", levels(np.arange(60) * 4), rate, codec=codec, pix="yuv420p")
    times = np.arange(0, 58 / rate, 0.05)
    expected = np.floor(times * float(rate) + 0.5).astype(int)
    shown = np.rint(decode_at(path, times).mean((1, 2, 3)) / 4).astype(int)
    assert np.abs(shown - expected).max() <= (1 if codec == "mpeg4" else 0)
    assert duration_s(path) == pytest.approx(60 / float(rate))


def test_the_rate_of_a_film_is_not_bent_by_its_last_frame(tmp_path: Path) -> None:
    # The last of six frames is held for two seconds: on average there are 2.12 frames a second, in truth six.
    path = write_gif(tmp_path / "a.gif", levels([20, 60, 100, 140, 180, 220]), [160] * 5 + [2000])
    held = open_clips(tmp_path).read("a")
    assert path.is_file() and held.starts_s is not None and held.starts_s[5] == pytest.approx(0.8)
    starts = [0, 500, 1000, 1500, 2000, 2500, 8500]
    write(tmp_path / "b.mp4", levels([20, 60, 100, 140, 180, 220, 220]), 6, pts=starts, tick=Fraction(1, 3000))
    shown = decode_at(tmp_path / "b.mp4", np.array([0.4, 0.6, 0.9, 2.7]))[:, 0, 0, 0]
    assert np.abs(shown.astype(int) - [100, 180, 220, 220]).max() <= 1


def test_clips_have_the_times_of_their_frames(tmp_path: Path) -> None:
    uneven(tmp_path / "a.mp4")
    encode(clip(), 8.0, tmp_path / "b.mp4")
    # Its packets come in another order than its frames, and AVI numbers packets.
    write(tmp_path / "c.avi", clip(n=9), 8, pix="yuv420p", options={"bf": "2"})
    found = open_clips(tmp_path)
    assert found.read("a").starts_s == pytest.approx(STARTS, abs=1e-3)
    assert found.read("b").starts_s == pytest.approx(np.arange(6) / 8) and found.read("b").last_s == pytest.approx(
        1 / 8
    )
    assert found.read("c").starts_s == pytest.approx(np.arange(9) / 8)


def test_pictures_that_begin_after_the_sound_are_noted(tmp_path: Path) -> None:
    for name, first in (("late", 50), ("whole", 0)):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as out:
            sound, video = out.add_stream("pcm_s16le", rate=8000), out.add_stream("libx264", rate=10)
            video.height, video.width, video.pix_fmt, video.options = 32, 32, "yuv444p", {"bf": "0", "crf": "0"}
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts = 8000, 0
            out.mux(sound.encode(silence))
            for number, frame in enumerate(levels([50, 100, 150])):
                made = av.VideoFrame.from_ndarray(frame, format="rgb24")
                made.pts, made.time_base = number * 10 + first, Fraction(1, 100)
                out.mux(video.encode(made))
            out.mux(video.encode())
    found = open_clips(tmp_path)
    note = "pictures of late.mkv begin 0.50 s after the rest of it: times count from its first picture"
    assert found.read("late").notes == (note,) and found.read("whole").notes == ()
    assert decode_at(tmp_path / "late.mkv", np.array([0.1]))[0, 0, 0, 0] == pytest.approx(100, abs=1)


def test_a_film_of_days_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", levels([1, 2, 3]), 30, pts=[0, 100, 3 * 10**8], tick=Fraction(1, 1000))
    with pytest.raises(IntegrityError, match=r"a\.mkv lasts 83 hours"):
        decode_at(tmp_path / "a.mkv", np.array([0.0]))
