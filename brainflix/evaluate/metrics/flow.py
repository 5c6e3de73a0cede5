"""Metrics of optical flow: direction, end-point error, speed, the arrow of time (docs/scoring.md, Optical flow)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, flow_errors, flow_pairs
from brainflix.evaluate.metric import ClipMetric, Found, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics.views import of_flow
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.views import ClipSet, View, flows_of

Floats = NDArray[np.float64]


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the metrics of Farneback's flow; an error never stands without that of a clip without motion."""
    return {
        "flow_cosine": ClipMetric(_cosine, _cosine_pairs, motion=True),
        "epe": ClipMetric(of_flow(flow.epe), _errors, motion=True),
        "epe_static": ClipMetric(of_flow(lambda f, g: flow.epe_static(f)), motion=True, bare=True),
        "epe_normalised": ClipMetric(_per_second, _scaled_pairs, motion=True),
        "skill": ClipMetric(of_flow(flow.skill), _skill_pairs, motion=True),
        "speed_ratio": ClipMetric(of_flow(flow.speed_ratio), motion=True),
        "flow_cosine_matched": ClipMetric(_cosine, _cosine_pairs, null="matched", motion=True),
        "reversal_gain": ClipMetric(_reversal_gain, null="signs", chance=0.0, motion=True),
        "angular_error": ClipMetric(of_flow(flow_errors.angular_error), _angle_pairs, motion=True),
    }


def _cosine(truth: View, prediction: View) -> Floats:
    return np.array([flow.flow_cosine(truth.flow, prediction.flow)])


def _cosine_pairs(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow.flow_cosine_matrix(*flows_of(truth, prediction))


def _angle_pairs(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow_pairs.angle_matrix(*flows_of(truth, prediction), workers=truth.workers)


def _skill_pairs(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow_pairs.skill_matrix(flows_of(truth, prediction)[0], prediction.end_point_errors(truth))


def _errors(truth: ClipSet, prediction: ClipSet) -> Floats:
    return prediction.end_point_errors(truth)


def _scaled_pairs(truth: ClipSet, prediction: ClipSet) -> Floats:
    return prediction.end_point_errors(truth) * truth.per_second


def _per_second(truth: View, prediction: View) -> Floats:
    return flow_errors.epe_diagonals_per_second(truth.flow[None], prediction.flow[None], truth.fps_hz)


def _reversal_gain(truth: View, prediction: View) -> Floats:
    return _cosine(truth, prediction) - flow.flow_cosine(truth.flow, prediction.backward_flow)
