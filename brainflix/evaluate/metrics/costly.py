"""Score what costs a network or a pass over pixels for every pairing: LPIPS and RAFT flow (docs/scoring.md, LPIPS).

The true pairs and the baselines are scored whole. Chance and p of LPIPS come from a seeded sample of rotations,
those of flow from a sample of places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, places
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.flow_pairs import epe_matrix, skill_matrix
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.lines import Table, make_line, sampled_orders, tested_matrix, tested_sample
from brainflix.evaluate.folders.scoring import PREDICTION
from brainflix.evaluate.folders.semantic import TRUTH
from brainflix.evaluate.networks.features import Frames, Track, Videos
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.views import FLOW_PLACES

Floats = NDArray[np.float64]
# A network runs for each pairing; the smallest p is then 1 / 21.
LPIPS_ORDERS = 20
# Baselines whose frames are all equal: they need no network to have no flow.
STILL = ("grey", "static_first", "truth_first")


def score_perceptual(
    videos: Mapping[str, Videos],
    distance: Callable[[Frames, Frames], Floats],
    metric: ModelMetric,
    table: Table,
    track: Track,
) -> Line:
    """Score a distance between frames, mean over frames.

    Args:
        videos: the video sets by name.
        distance: of frames (n_frames, height, width, 3) of a truth and a prediction, array of shape (n_frames,).
        metric: what is scored.
        table: what lines share.
        track: counts clips.
    """
    n, orders = len(table.rank), sampled_orders(table, LPIPS_ORDERS)
    matrix = np.full((n, n), np.nan)
    own = {name: np.full(n, np.nan) for name in videos if name != TRUTH}
    for clip in track(range(n), "clips compared by LPIPS"):
        truth = videos[TRUTH].frames_of(clip)
        for name, values in own.items():
            values[clip] = distance(truth, videos[name].frames_of(clip)).mean()
        prediction = videos[PREDICTION].frames_of(clip)
        for other in np.unique(orders[:, clip]):
            matrix[clip, other] = distance(videos[TRUTH].frames_of(int(other)), prediction).mean()
    per_clip = own.pop(PREDICTION)
    np.fill_diagonal(matrix, per_clip)
    tested = tested_sample(matrix, orders, metric)
    return make_line(
        metric, per_clip, table, tested=tested, below={name: defined_mean(each) for name, each in own.items()}
    )


def score_flow(
    flows: Mapping[str, flow.Flow], fps_hz: float | None, metrics: Mapping[str, ModelMetric], table: Table
) -> dict[str, Line]:
    """Score optical flow, end-point error never without that of a still clip (docs/scoring.md, RAFT).

    Args:
        flows: by video set but those of STILL, array of shape (n_clips, n_steps, height, width, 2), pixels per step,
            maybe on disk.
        fps_hz: frames per second; needed by errors in diagonals per second.
        metrics: those wanted, of "epe_raft", "epe_raft_static", "skill_raft" and "flow_cosine_raft".
        table: what lines share.
    """
    # Skill is a ratio, which no unit changes.
    per_second = (fps_hz or 1.0) / math.hypot(*flows[TRUTH].shape[2:4])
    found = {name: _own(flows[TRUTH], flows[name], per_second) for name in flows if name != TRUTH}
    still = _own(flows[TRUTH], None, per_second)
    found |= dict.fromkeys(STILL, still)
    truth, prediction = (places.sample(flows[name], FLOW_PLACES, table.plan.seed) for name in (TRUTH, PREDICTION))
    errors = epe_matrix(truth, prediction, workers=table.plan.workers)
    matrices = {
        "epe_raft": errors * per_second,
        "skill_raft": skill_matrix(truth, errors),
        "flow_cosine_raft": flow.flow_cosine_matrix(truth, prediction),
    }
    lines = {}
    for name, metric in metrics.items():
        if name == "epe_raft_static":
            lines[name] = make_line(metric, still["epe_raft"], table)
            continue
        below = {each: defined_mean(values[name]) for each, values in found.items() if each != PREDICTION}
        tested = tested_matrix(matrices[name], table, metric)
        lines[name] = make_line(metric, found[PREDICTION][name], table, tested=tested, below=below)
    return lines


def _own(truth: flow.Flow, prediction: flow.Flow | None, per_second: float) -> dict[str, Floats]:
    """Return each clip's scores by metric; None stands for clips without motion."""
    rows = []
    for clip in range(len(truth)):
        f = np.asarray(truth[clip])[None]
        g = np.zeros_like(f) if prediction is None else np.asarray(prediction[clip])[None]
        cosine = flow.flow_cosine(f[0], g[0])
        rows.append((float(flow.epe(f, g)[0]) * per_second, float(flow.skill(f, g)[0]), cosine))
    values = np.array(rows, np.float64).T
    return dict(zip(("epe_raft", "skill_raft", "flow_cosine_raft"), values, strict=True))
