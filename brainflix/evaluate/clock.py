"""Which predicted frame meets which true frame: the truth's clock decides (docs/scoring.md, Clock).

Frame i of the truth is at t_i = i / fps from the clip's onset. Published scripts match by index instead; their rules
are here under their names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.wording import count, did_you_mean

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Matched = tuple[Ints, Ints]
# Times closer than this are equal: 1/3 s and 333 ms are the same frame rate in a GIF's clock of 10 ms.
RATE_TOLERANCE = 0.02
DECIMALS_S = 9
# NEURONS generates 16 frames and keeps 4, 6, ..., 14: half a second late against the truth's 6.
NEURONS_FRAMES = (4, 6, 8, 10, 12, 14)
NEURONS_COUNT = 16


@dataclass(frozen=True, eq=False)
class Timing:
    """The clock of one clip: how many frames, and when each starts in seconds from onset (None if unknown).

    `given_hz` is the rate that was said, which a single frame's start does not show. `last_s` is how long the last
    frame is shown, None where nobody says.
    """

    n_frames: int
    starts_s: Floats | None
    given_hz: float | None = None
    last_s: float | None = None

    @property
    def fps_hz(self) -> float | None:
        """Median frame rate; None where there is no clock, or a single frame whose rate nobody said."""
        if self.starts_s is None or self.n_frames < 2:
            return self.given_hz
        return float(1.0 / np.median(np.diff(self.starts_s)))

    @property
    def end_s(self) -> float | None:
        """When the last frame ends; by the median rate where it does not say."""
        last = self.last_s or (1.0 / self.fps_hz if self.fps_hz else None)
        return None if self.starts_s is None or last is None else float(self.starts_s[-1]) + last


def regular(n_frames: int, fps_hz: float) -> Timing:
    """Return the clock of frames at a constant rate.

    Raises:
        UsageError: the rate is not above 0.
    """
    if not 0 < fps_hz < np.inf:
        raise UsageError(f"a frame rate of {fps_hz:g} is not possible", next="give frames per second above 0")
    return Timing(n_frames, np.arange(n_frames) / fps_hz, fps_hz)


def nearest_start(truth_s: NDArray[Any], prediction_s: NDArray[Any]) -> Ints:
    """Return, for each true frame, the predicted frame whose start is nearest; ties go to the earlier.

    Args:
        truth_s: array of shape (n_true,), starts in seconds.
        prediction_s: array of shape (n_predicted,), starts in seconds, ascending.

    Returns:
        Array of shape (n_true,), indices of predicted frames.
    """
    distance = np.abs(np.asarray(truth_s)[:, None] - np.asarray(prediction_s))
    # Rounded, so that a tie is one although binary fractions disagree; argmin takes the first.
    return np.asarray(distance.round(DECIMALS_S).argmin(axis=1), np.intp)


def match_clock(truth: Timing, prediction: Timing) -> Matched:
    """Match every true frame by time; without clocks only equal numbers of frames can be matched, by index.

    Raises:
        DataError: a clock is missing that is needed, or the prediction ends before the truth's last frame starts.
    """
    if truth.starts_s is None and prediction.starts_s is None and truth.n_frames == prediction.n_frames:
        return np.arange(truth.n_frames), np.arange(truth.n_frames)
    if truth.starts_s is None or prediction.starts_s is None:
        who = [name for name, each in (("truth", truth), ("prediction", prediction)) if each.starts_s is None]
        what = f"{truth.n_frames} true and {prediction.n_frames} predicted frames cannot be matched in time"
        flags = " and ".join(f"--fps-{'pred' if name == 'prediction' else name}" for name in who)
        raise DataError(what, why=f"the frame rate of the {' and the '.join(who)} is unknown", next=f"give {flags}")
    matched = nearest_start(truth.starts_s, prediction.starts_s)
    end = prediction.end_s
    if end is not None:
        last = float(truth.starts_s[-1])
        if last > end + 10.0**-DECIMALS_S:
            why = f"it ends at {end:.3g} s, the last true frame starts at {last:.3g} s"
            raise DataError("the prediction is shorter than the truth", why=why, next="check the frame rates")
    return np.arange(truth.n_frames), matched


def check_same_rate(truth: Timing, prediction: Timing) -> None:
    """Refuse to match frames of different rates by their index.

    Raises:
        DataError: both rates are known and differ by more than 2 %.
    """
    rates = truth.fps_hz, prediction.fps_hz
    if rates[0] is not None and rates[1] is not None and abs(rates[0] / rates[1] - 1) > RATE_TOLERANCE:
        why = f"the truth has {rates[0]:.4g} and the prediction {rates[1]:.4g} frames per second"
        what = "frames of different rates cannot be matched by index"
        raise DataError(what, why=why, next="use --protocol strict, which matches by time")


def match_first(truth: Timing, prediction: Timing, n: int) -> Matched:
    """Match the first n frames by index, as released scripts do.

    Raises:
        DataError: a clip has fewer, or the rates differ.
    """
    for name, timing in (("truth", truth), ("prediction", prediction)):
        _check_count(name, timing.n_frames, n)
    check_same_rate(truth, prediction)
    return np.arange(n), np.arange(n)


def match_neurons(truth: Timing, prediction: Timing, n: int) -> Matched:
    """Match the first 6 true frames with frames 4, 6, ..., 14 of the 16 predicted ones.

    Predictions that hold the 6 kept frames only, as released GIFs do, are taken as they are.
    """
    _check_count("truth", truth.n_frames, n)
    if prediction.n_frames == n:
        return np.arange(n), np.arange(n)
    _check_count("prediction", prediction.n_frames, NEURONS_COUNT)
    return np.arange(n), np.array(NEURONS_FRAMES)


def match_linspace(truth: Timing, prediction: Timing) -> Matched:
    """Match all predicted frames with as many spread evenly over all true ones, truncated to whole indices.

    Where there are fewer true ones, some of them are met more than once.
    """
    n = prediction.n_frames
    return np.linspace(0, truth.n_frames - 1, n).astype(np.intp), np.arange(n)


FRAME_RULES: dict[str, Callable[[Timing, Timing, int], Matched]] = {
    "first": match_first,
    "neurons": match_neurons,
}


def match_frames(rule: str, truth: Timing, prediction: Timing, n: int | None) -> Matched:
    """Match frames by a named rule.

    Args:
        rule: "clock", "linspace", or a name of FRAME_RULES.
        truth: clock of the true clip.
        prediction: clock of the predicted clip.
        n: frames that the rule takes; None for "clock" (all true frames) and "linspace" (all predicted frames).

    Returns:
        Indices of true and of predicted frames, both of shape (n,).

    Raises:
        UsageError: no such rule, or a rule without its n.
        DataError: the clips do not fit the rule.
    """
    if rule == "clock":
        return match_clock(truth, prediction)
    if rule == "linspace":
        return match_linspace(truth, prediction)
    if rule not in FRAME_RULES or n is None:
        raise UsageError(f"unknown frame rule {rule!r}", next=did_you_mean(rule, ["clock", "linspace", *FRAME_RULES]))
    return FRAME_RULES[rule](truth, prediction, n)


def _check_count(name: str, has: int, needs: int) -> None:
    if has < needs:
        raise DataError(
            f"the {name} has {count(has, 'frame')}, the protocol needs {needs}", next="use --protocol strict"
        )
