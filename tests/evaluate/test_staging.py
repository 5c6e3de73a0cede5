"""The frame rate of what `score` compares, which errors per second need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.evaluate.sources import Source
from brainflix.evaluate.staging import Staging, make_scene
from brainflix.io.clip_read import Clip


def rate(tmp_path: Path, fps: list[float | None], protocol: str = "strict", **flags: float) -> float | None:
    """Stage clips of 12 frames whose files say these rates, and predictions of as many frames."""
    n = 6 if protocol == "brainnetflix" else 12
    frames = np.zeros((12, 8, 8, 3), np.uint8)

    def read(name: str) -> tuple[Clip, Clip]:
        each = fps[int(name)]
        starts = None if each is None else np.arange(12) / each
        prediction = None if starts is None else np.linspace(0, starts[-1], n)
        return Clip(frames, starts, "array"), Clip(frames[:n], prediction, "array")

    source = Source(tuple(map(str, range(len(fps)))), read)
    return make_scene(source, PROTOCOLS[protocol], Staging(tmp_path, **flags)).fps_hz


def test_it_is_that_of_the_truth(tmp_path: Path) -> None:
    assert rate(tmp_path, [8.0, 8.0]) == pytest.approx(8.0)
    # A GIF's clock of 10 ms says 3.03 for 3.
    assert rate(tmp_path, [3.0, 1 / 0.33]) == pytest.approx(3.0, rel=0.02)
    assert rate(tmp_path, [8.0], fps_truth=4.0, fps_prediction=4.0) == pytest.approx(4.0)


def test_it_is_that_of_the_frames_that_are_compared(tmp_path: Path) -> None:
    # 6 of 12 frames, 2.2 apart and cut to whole ones: 0, 2, 4, 6, 8, 11.
    assert rate(tmp_path, [8.0], "brainnetflix") == pytest.approx(4.0)


def test_without_a_clock_or_with_several_there_is_none(tmp_path: Path) -> None:
    assert rate(tmp_path, [None, None]) is None
    assert rate(tmp_path, [8.0, None]) is None
    assert rate(tmp_path, [8.0, 4.0]) is None
