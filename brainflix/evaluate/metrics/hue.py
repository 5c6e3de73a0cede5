"""Metrics of hue, ours and the published one (docs/scoring.md, Hue)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import hue, hue_pairs
from brainflix.evaluate.metric import ClipMetric, Found, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics.views import of_hue, of_pixels
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.views import ClipSet, View

Floats = NDArray[np.float64]


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the cosine of the hue difference, the circular correlation, and the cosine as published."""
    return {
        "hue_circ": ClipMetric(of_hue(hue.circ), of_pixels(hue_pairs.hue_circ_matrix)),
        "hue_circ_corr": ClipMetric(of_hue(hue.circ_corr)),
        "hue_cos": ClipMetric(_first_six("rgb"), _first_six_pairs("rgb")),
        "hue_cos_bgr": ClipMetric(_first_six("bgr"), _first_six_pairs("bgr")),
    }


def _first_six(order: hue.Order) -> Callable[[View, View], Floats]:
    """Return the published cosine of hue, which reads six frames of eight."""
    return lambda truth, prediction: hue.hue_cos(truth.frames[:6], prediction.frames[:6], order)


def _first_six_pairs(order: hue.Order) -> Callable[[ClipSet, ClipSet], Floats]:
    return of_pixels(lambda f, g: hue_pairs.hue_cos_matrix(f[:, :6], g[:, :6], order))
