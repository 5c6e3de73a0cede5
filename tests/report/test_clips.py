"""Choosing clips, and stacking videos."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brainflix.errors import DataError
from brainflix.io.video import decode_at
from brainflix.report.clips import choose_clips, fit, stack, to_uint8, video_uri

SCORES = st.integers(0, 15).flatmap(
    lambda n: arrays(np.float64, n, elements=st.one_of(st.just(float("nan")), st.floats(-5, 5)))
)


@given(values=SCORES, seed=st.integers(0, 9), higher=st.booleans())
def test_choice(values, seed, higher):
    """Each clip once, the extremes right, NaN never ranked, up to four random ones, the same for the same seed."""
    chosen = choose_clips(values, seed, 1, higher_is_better=higher)
    index = [i for _, i in chosen]
    assert len(set(index)) == len(index) == min(len(values), min(3, int(np.isfinite(values).sum())) + 4)
    assert chosen == choose_clips(values, seed, 1, higher_is_better=higher)
    ranked = {label: values[i] for label, i in chosen if label != "random"}
    known = values[np.isfinite(values)]
    if known.size:
        assert ranked["best"] == (known.max() if higher else known.min())
    if known.size > 2:
        assert ranked["worst"] == (known.min() if higher else known.max())
        assert ranked["median"] == np.sort(known)[len(known) // 2 if not higher else -1 - len(known) // 2]


def test_random_clips_differ_between_subjects_and_seeds():
    """Both enter the draw."""
    values = np.arange(200.0)
    draws = {tuple(choose_clips(values, seed, subject)) for seed in (0, 1) for subject in (1, 2, None)}
    assert len(draws) == 6


def test_fit_keeps_small_and_light_videos_even():
    """Small ones double, large ones shrink by a whole factor, odd sides grow by the edge's pixels."""
    shapes = {side: fit(np.zeros((2, *side, 3), np.uint8)).shape[1:3] for side in ((33, 64), (101, 97), (320, 576))}
    assert shapes == {(33, 64): (66, 128), (101, 97): (102, 98), (320, 576): (106, 192)}
    blocks = np.zeros((1, 400, 400, 3), np.uint8)
    blocks[:, 1::3] = 90
    assert (fit(blocks)[:, :133, :133] == 30).all()


def test_floats_are_scaled_by_their_range():
    """0 to 1 and 0 to 255 both become bytes; NaN is refused."""
    picture = np.linspace(0, 1, 12).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(to_uint8(picture), np.rint(picture * 255).astype(np.uint8))
    np.testing.assert_array_equal(to_uint8(picture * 200), np.rint(picture * 200).astype(np.uint8))
    with pytest.raises(DataError, match="not finite"):
        to_uint8(np.full((1, 2, 2, 3), np.nan))


def test_stack_keeps_films_in_step():
    """A film at half the rate shows each frame twice; a shorter one holds its last frame; sizes follow the first."""
    fast = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 100, 100, 3), np.uint8)
    slow = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 120, 140, 3), np.uint8)
    frames, fps_hz = stack([(fast, 4.0), (slow, 2.0), (slow[:2], 2.0)])
    assert (frames.shape, fps_hz) == ((8, 300, 100, 3), 4.0)
    shown = frames[:, [50, 150, 250], 50, 0].T.tolist()
    assert shown == [list(range(8)), [0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 1, 1, 1, 1]]


def test_a_fractional_rate_keeps_its_length():
    """7.5 Hz frames are played on a whole clock of 8 Hz for as long."""
    frames, fps_hz = stack([(np.zeros((15, 100, 100, 3), np.uint8), 7.5)])
    assert (len(frames), fps_hz) == (16, 8.0)


def test_uri_holds_the_video(tmp_path):
    """What the page carries decodes to the frames."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (6, 4, 4, 3), np.uint8).repeat(32, axis=1).repeat(32, axis=2)
    head, _, body = video_uri([(truth, 4.0), (255 - truth, 4.0)]).partition(",")
    assert head == "data:video/mp4;base64"
    (tmp_path / "a.mp4").write_bytes(base64.b64decode(body))
    frames = decode_at(tmp_path / "a.mp4", np.arange(6) / 4.0)
    assert frames.shape == (6, 256, 128, 3)
    expected = np.concatenate([truth, 255 - truth], axis=1).astype(float)
    assert np.abs(frames - expected).mean() < 12


@pytest.mark.parametrize("films", [[], [(np.zeros((2, 4, 4, 3)), 0.0)], [(np.zeros((2, 4, 4)), 1.0)]])
def test_no_video_is_refused(films):
    """Nothing, no rate, no colours."""
    with pytest.raises(DataError):
        stack(films)
