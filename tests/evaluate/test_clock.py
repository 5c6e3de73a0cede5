"""Which frame meets which: by time, and by the rules of released scripts."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.clock import Timing, match_clock, match_frames, nearest_start, regular


def brute_force(truth_s: list[float], prediction_s: list[float]) -> list[int]:
    """Return by definition the earliest of the nearest starts, in exact enough arithmetic."""
    found = []
    for t in truth_s:
        gaps = [round(abs(t - s) * 1e7) for s in prediction_s]
        found.append(gaps.index(min(gaps)))
    return found


@pytest.mark.parametrize("rates", [(3.0, 8.0), (4.0, 8.0), (10.0, 3.0), (1 / 0.33, 1 / 0.14), (8.0, 8.0)])
def test_the_nearest_start_is_taken(rates: tuple[float, float]) -> None:
    truth, prediction = np.arange(6) / rates[0], np.arange(20) / rates[1]
    assert nearest_start(truth, prediction).tolist() == brute_force(truth.tolist(), prediction.tolist())


def test_ties_go_to_the_earlier_frame_although_binary_fractions_disagree() -> None:
    assert nearest_start(np.array([0.15]), np.array([0.1, 0.2])).tolist() == [0]
    # 0.3 - 0.2 is a little less than 0.4 - 0.3 in binary, 0.7 - 0.6 a little more than 0.8 - 0.7: both are ties.
    assert nearest_start(np.array([0.3]), np.array([0.2, 0.4])).tolist() == [0]
    assert nearest_start(np.array([0.7]), np.array([0.6, 0.8])).tolist() == [0]
    # Frames at 1/8 s steps: 1/16 s offsets tie everywhere.
    assert nearest_start(np.arange(4) / 8 + 1 / 16, np.arange(5) / 8).tolist() == [0, 1, 2, 3]


def test_the_clock_of_the_truth_decides() -> None:
    truth, prediction = match_frames("clock", regular(6, 3.0), regular(16, 8.0), None)
    assert truth.tolist() == [0, 1, 2, 3, 4, 5]
    assert prediction.tolist() == [0, 3, 5, 8, 11, 13]


def test_frames_without_a_clock_are_matched_only_if_as_many() -> None:
    still = Timing(4, None)
    assert [each.tolist() for each in match_frames("clock", still, still, None)] == [[0, 1, 2, 3]] * 2
    for pair in ((still, Timing(5, None)), (regular(4, 4.0), still), (still, regular(4, 4.0))):
        with pytest.raises(DataError, match=r"unknown.*--fps-"):
            match_frames("clock", *pair, None)


def test_a_prediction_that_ends_early_is_refused() -> None:
    with pytest.raises(DataError, match="shorter"):
        match_frames("clock", regular(8, 4.0), regular(8, 8.0), None)
    match_frames("clock", regular(5, 4.0), regular(8, 8.0), None)


def test_first_frames_are_refused_at_another_rate_and_when_too_few() -> None:
    truth, prediction = match_frames("first", regular(10, 4.0), Timing(9, None), 8)
    assert truth.tolist() == prediction.tolist() == list(range(8))
    with pytest.raises(DataError, match="different rates"):
        match_frames("first", regular(8, 4.0), regular(8, 8.0), 8)
    # A GIF's clock counts 10 ms: 330 ms is the frame of 3 per second.
    match_frames("first", regular(6, 3.0), regular(6, 1 / 0.33), 6)
    with pytest.raises(DataError, match=r"prediction has 3 frames.*needs 8"):
        match_frames("first", regular(8, 4.0), regular(3, 4.0), 8)


def test_released_rules_by_name() -> None:
    truth, prediction = match_frames("neurons", regular(6, 3.0), regular(16, 8.0), 6)
    assert truth.tolist() == [0, 1, 2, 3, 4, 5] and prediction.tolist() == [4, 6, 8, 10, 12, 14]
    assert match_frames("neurons", regular(6, 3.0), regular(6, 3.0), 6)[1].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(DataError, match="needs 16"):
        match_frames("neurons", regular(6, 3.0), regular(12, 8.0), 6)
    truth, prediction = match_frames("linspace", regular(60, 30.0), regular(15, 5.0), None)
    assert truth.tolist() == [0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 59]
    assert prediction.tolist() == list(range(15))
    with pytest.raises(UsageError, match="did you mean 'first'"):
        match_frames("frist", regular(6, 3.0), regular(6, 3.0), 6)


def test_a_rate_must_be_positive() -> None:
    for rate in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="frame rate"):
            regular(3, rate)


@pytest.mark.parametrize("rate", [0.0, -3.0, float("nan"), float("inf")])
def test_rates_that_cannot_be(rate):
    with pytest.raises(UsageError, match="frame rate"):
        regular(4, rate)


def test_a_single_frame_of_a_known_rate_does_not_last_for_ever():
    with pytest.raises(DataError, match="shorter than the truth"):
        match_clock(regular(6, 3.0), regular(1, 3.0))
    assert match_clock(regular(1, 3.0), regular(1, 3.0))[1].tolist() == [0]
