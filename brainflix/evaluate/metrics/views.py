"""Metrics of frames, hues and flow as functions of views and of sets of clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import hue, pixels
from brainflix.evaluate.views import ClipSet, View

Floats = NDArray[np.float64]


def of_frames(score: Callable[[pixels.Frames, pixels.Frames], Floats | float]) -> Callable[[View, View], Floats]:
    """Return a function of (truth, prediction) from one of their frames."""
    return lambda truth, prediction: np.atleast_1d(score(truth.frames, prediction.frames))


def of_hue(score: Callable[[hue.Hue, hue.Hue], Floats]) -> Callable[[View, View], Floats]:
    """Return a function of (truth, prediction) from one of their hues."""
    return lambda truth, prediction: score(truth.hue, prediction.hue)


def of_pixels(score: Callable[..., Floats]) -> Callable[[ClipSet, ClipSet], Floats]:
    """Return a function of (truths, predictions) from one of their sampled pixels."""
    return lambda truth, prediction: score(truth.pixels, prediction.pixels)


def of_flow(score: Callable[..., Floats | float]) -> Callable[[View, View], Floats]:
    """Return a function of (truth, prediction) from one of their optical flows."""
    return lambda truth, prediction: np.atleast_1d(score(truth.flow[None], prediction.flow[None]))
