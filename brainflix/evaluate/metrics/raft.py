"""Optical flow by RAFT (docs/scoring.md, RAFT): the true pairs whole, chance and p from a sample of places."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, places
from brainflix.evaluate.design import Design
from brainflix.evaluate.flow_pairs import epe_matrix, skill_matrix
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.metric import Found, Measured, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.scene import PREDICTION, STILL, TRUTH, Scene
from brainflix.evaluate.views import FLOW_PLACES

Floats = NDArray[np.float64]
EPE, SKILL, COSINE = "epe_raft", "skill_raft", "flow_cosine_raft"


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the metrics of RAFT's flow."""
    from brainflix.evaluate.networks.vision import raft_flow

    network = raft_flow(work.weights["raft"], work.audience.compute())
    moving = [name for name in inputs.sets if name not in STILL]
    still = [name for name in inputs.sets if name in STILL]
    with work.audience.show_large(network, moving) as flows:
        return of_flows(flows, inputs.fps_hz, work.design, still, work.workers)


def of_flows(
    flows: Mapping[str, flow.Flow], fps_hz: float | None, design: Design, still: list[str], workers: int = 1
) -> dict[str, Measured]:
    """Score optical flow, end-point error never without that of a still clip.

    Args:
        flows: by video set, array of shape (n_clips, n_steps, height, width, 2), pixels per step, maybe on disk.
        fps_hz: frames per second; needed by errors in diagonals per second.
        design: who meets whom.
        still: names of the sets that stand still, which need no network.
        workers: threads.
    """
    # Skill is a ratio, which no unit changes.
    per_second = (fps_hz or 1.0) / math.hypot(*flows[TRUTH].shape[2:4])
    found = {name: _own(flows[TRUTH], flows[name], per_second) for name in flows if name != TRUTH}
    static = _own(flows[TRUTH], None, per_second)
    found |= dict.fromkeys(still, static)
    truth, prediction = (places.sample(flows[name], FLOW_PLACES, design.settings.seed) for name in (TRUTH, PREDICTION))
    errors = epe_matrix(truth, prediction, workers=workers)
    tested = {
        EPE: permuted(errors * per_second, design, higher_is_better=False),
        SKILL: permuted(skill_matrix(truth, errors), design),
        COSINE: permuted(flow.flow_cosine_matrix(truth, prediction), design),
    }
    lines = {name: Measured({each: values[name] for each, values in found.items()}, tested[name]) for name in tested}
    return {**lines, "epe_raft_static": Measured({PREDICTION: static[EPE]})}


def _own(truth: flow.Flow, prediction: flow.Flow | None, per_second: float) -> dict[str, Floats]:
    """Return each clip's scores by metric; None stands for clips without motion."""
    rows = []
    for clip in range(len(truth)):
        f = np.asarray(truth[clip])[None]
        g = np.zeros_like(f) if prediction is None else np.asarray(prediction[clip])[None]
        cosine = flow.flow_cosine(f[0], g[0])
        rows.append((float(flow.epe(f, g)[0]) * per_second, float(flow.skill(f, g)[0]), cosine))
    values = np.array(rows, np.float64).T
    return dict(zip((EPE, SKILL, COSINE), values, strict=True))
