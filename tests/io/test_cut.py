"""Films cut into clips: the frames that the rule says, each decoded once, whatever the film's end does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.cut import cut
from brainflix.io.frames import evenly, resize
from brainflix.io.video import decode_at, encode

STATIC_BUG = [0, 3, 6, 9, 12, 15, 18, 22, 25, 28, 31, 34, 37, 40, 44]


def ramp(n: int, size: int = 32) -> np.ndarray:
    frames = np.zeros((n, size, size, 3), np.uint8)
    frames[:] = (np.arange(n) * 255 // max(1, n - 1))[:, None, None, None]
    return frames


def levels(clip: np.ndarray, n: int) -> list[int]:
    """Return which frames of a ramp of `n` these are."""
    return np.rint(clip.mean((1, 2, 3)) * (n - 1) / 255).astype(int).tolist()


def test_the_ends_rule_is_brain_netflixs() -> None:
    assert evenly(45, 15).tolist() == STATIC_BUG
    assert evenly(60, 15).tolist() == [0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 59]
    assert evenly(3, 5).tolist() == [0, 1, 2, 2, 2] and evenly(5, 1).tolist() == [0]
    for count in (45, 60, 75, 91):
        # Fifteen frames are the source of the eight that other extractors take.
        assert evenly(count, 15)[evenly(15, 8)].tolist() == evenly(count, 8).tolist()


def test_a_ramp_of_45_frames_gives_15_different_ones_and_agrees_with_png(tmp_path: Path) -> None:
    encode(ramp(45), 15.0, tmp_path / "film.mp4")
    ((place, clip),) = cut(tmp_path / "film.mp4", [0.0], 3.0, 15, 32, "ends")
    assert place == 0 and clip.shape == (15, 32, 32, 3) and clip.dtype == np.uint8
    assert len({frame.tobytes() for frame in clip}) == 15
    for number, frame in enumerate(decode_at(tmp_path / "film.mp4", np.arange(45) / 15.0), start=1):
        Image.fromarray(frame).save(tmp_path / f"{number:03d}.png")
    pictures = [np.asarray(Image.open(path)) for path in sorted(tmp_path.glob("*.png"))]
    chosen = [pictures[index] for index in np.linspace(0, len(pictures) - 1, 15).astype(int)]
    assert np.array_equal(clip, np.stack(chosen))
    assert levels(clip, 45) == STATIC_BUG


def test_clips_of_a_long_film_have_the_frames_of_their_time_only(tmp_path: Path) -> None:
    encode(ramp(180), 30.0, tmp_path / "film.mp4", crf=4)
    # Clips may stand in any order and overlap; they come in the film's.
    found = dict(cut(tmp_path / "film.mp4", [4.0, 0.0, 1.0], 2.0, 15, 32, "ends"))
    assert list(found) == [1, 2, 0]
    for place, first in ((0, 120), (1, 0), (2, 30)):
        assert np.abs(np.array(levels(found[place], 180)) - (first + evenly(60, 15))).max() <= 1


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (91, evenly(91, 15)),  # a film of three seconds, and a frame more
        (72, evenly(72, 15)),  # and one that ends early
        (9, [*range(9), *[8] * 6]),  # too short: the last frame is repeated
        (180, evenly(90, 15)),  # a long film is not one clip
    ],
)
def test_a_film_that_is_one_clip_counts_with_the_frames_that_it_has(
    tmp_path: Path, n: int, expected: list[int]
) -> None:
    encode(ramp(n), 30.0, tmp_path / "film.mp4", crf=4)
    ((_, clip),) = cut(tmp_path / "film.mp4", [0.0], 3.0, 15, 32, "ends")
    assert np.abs(np.array(levels(clip, n)) - np.array(expected)).max() <= 1
    assert len({frame.tobytes() for frame in clip}) >= len(set(np.array(expected).tolist())) - 1


def test_by_time_the_frames_are_those_of_decode_at(tmp_path: Path) -> None:
    encode(ramp(121, 48), 30.0, tmp_path / "film.mp4")
    onsets = [0.0, 1.0, 2.1]
    times = np.array(onsets)[:, None] + np.arange(8) * 2.0 / 8
    expected = resize(decode_at(tmp_path / "film.mp4", times.ravel()), 32, 32).reshape(3, 8, 32, 32, 3)
    found = dict(cut(tmp_path / "film.mp4", onsets, 2.0, 8, 32))
    assert all(np.array_equal(found[place], expected[place]) for place in range(3))


def test_more_frames_than_the_film_has_in_that_time_repeat(tmp_path: Path) -> None:
    encode(ramp(20), 10.0, tmp_path / "film.mp4", crf=4)
    ((_, clip),) = cut(tmp_path / "film.mp4", [0.0], 2.0, 40, 32)
    assert levels(clip, 20) == [min(19, (each + 1) // 2) for each in range(40)]


def test_films_that_end_too_early_are_named(tmp_path: Path) -> None:
    encode(ramp(45), 15.0, tmp_path / "film.mp4")
    with pytest.raises(DataError, match=r"film\.mp4 ends before frame 45"):
        list(cut(tmp_path / "film.mp4", [0.0, 3.0], 3.0, 15, 32, "ends"))
    with pytest.raises(DataError, match=r"film\.mp4 ends before"):
        list(cut(tmp_path / "film.mp4", [0.0, 1.0], 3.0, 15, 32))
    with pytest.raises(MissingError, match="nothing"):
        list(cut(tmp_path / "nothing.mp4", [0.0], 3.0, 15, 32))
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(IntegrityError, match=r"text\.mp4"):
        list(cut(tmp_path / "text.mp4", [0.0], 3.0, 15, 32))
