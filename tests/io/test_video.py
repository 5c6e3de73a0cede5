"""Video in and out: every frame in its place, clear errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.datasets.demo.parts import DemoParams
from brainflix.demo.render import frame_times, render
from brainflix.demo.world import segments
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.video import decode_at, encode, mp4_bytes


def ramp(n: int) -> np.ndarray:
    frames = np.zeros((n, 32, 48, 3), dtype=np.uint8)
    frames[:] = (np.arange(n) * 4)[:, None, None, None]
    return frames


def test_a_ramp_comes_back_frame_by_frame(tmp_path: Path) -> None:
    encode(ramp(45), 15.0, tmp_path / "ramp.mp4")
    frames = decode_at(tmp_path / "ramp.mp4", np.arange(45) / 15.0)
    assert np.abs(frames.mean((1, 2, 3)) - np.arange(45) * 4).max() < 3
    assert len({frame.tobytes() for frame in frames}) == 45


def test_times_pick_the_nearest_start(tmp_path: Path) -> None:
    encode(ramp(30), 30.0, tmp_path / "ramp.mp4")
    frames = decode_at(tmp_path / "ramp.mp4", np.array([0.0, 0.49 / 30, 0.51 / 30, 29 / 30]))
    assert np.rint(frames.mean((1, 2, 3)) / 4).tolist() == [0, 0, 1, 29]


def test_encoding_repeats_byte_for_byte_whatever_lies_in_memory() -> None:
    # A scene of which x264 made 13 different files in 40 tries: on small frames it read memory that nobody had set.
    frames = render(segments(DemoParams().model_dump())["seg12"][0], frame_times(48, 30.0), 64)
    random, leftovers, found = np.random.default_rng(0), [], set()
    for turn in range(40):
        found.add(mp4_bytes(frames, 30.0, crf=12))
        if turn % 3 == 0:
            leftovers = [np.full(random.integers(1000, 400_000), random.integers(255), np.uint8) for _ in range(20)]
        if turn % 7 == 0:
            leftovers = []
    assert len(found) == 1, f"{len(found)} different files, {len(leftovers)} leftovers"


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="nothing"):
        decode_at(tmp_path / "nothing.mp4", np.array([0.0]))
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(IntegrityError, match=r"text\.mp4"):
        decode_at(tmp_path / "text.mp4", np.array([0.0]))
    encode(ramp(8), 4.0, tmp_path / "short.mp4")
    with pytest.raises(DataError, match="ends before"):
        decode_at(tmp_path / "short.mp4", np.array([9.0]))
    with pytest.raises(DataError, match="uint8"):
        encode(np.zeros((2, 31, 32, 3), np.uint8), 4.0, tmp_path / "odd.mp4")
