"""Score what costs a network or a pass over pixels for every pairing: LPIPS and RAFT flow (metrics spec 2.8, 2.10).

The true pairs and the baselines are scored whole; chance and p come from a seeded sample of rotations (3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.flow_errors import epe_diagonals_per_second
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.folders.lines import Table, make_line, sampled_orders, tested_matrix, tested_sample
from brainflix.evaluate.folders.scoring import PREDICTION
from brainflix.evaluate.folders.semantic import TRUTH
from brainflix.evaluate.models.features import Frames, Track, Videos
from brainflix.evaluate.pixels import clip_means
from brainflix.evaluate.scorecard import Line

Floats = NDArray[np.float64]
# A network runs for each pairing; the smallest p is then 1 / 21.
LPIPS_ORDERS = 20
FLOW_ORDERS = 200
# Bytes of flow that meet at once while all pairings are scored.
FLOW_MEMORY_BYTES = 2**29
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
    own = {name: np.full((n, 1), np.nan) for name in videos if name != TRUTH}
    for clip in track(range(n), "clips compared by LPIPS"):
        truth = videos[TRUTH].frames_of(clip)
        for name, values in own.items():
            values[clip] = distance(truth, videos[name].frames_of(clip)).mean()
        prediction = videos[PREDICTION].frames_of(clip)
        for other in np.unique(orders[:, clip]):
            matrix[clip, other] = distance(videos[TRUTH].frames_of(int(other)), prediction).mean()
    means = {name: clip_means(values)[0] for name, values in own.items()}
    per_clip = means.pop(PREDICTION)
    np.fill_diagonal(matrix, per_clip)
    tested = tested_sample(matrix, orders, metric)
    return make_line(
        metric, per_clip, table, tested=tested, below={name: defined_mean(each) for name, each in means.items()}
    )


def score_flow(
    flows: Mapping[str, flow.Flow], fps_hz: float | None, metrics: Mapping[str, ModelMetric], table: Table
) -> dict[str, Line]:
    """Score optical flow, end-point error never without that of a still clip (metrics spec 2.8).

    Args:
        flows: by video set but those of STILL, array of shape (n_clips, n_steps, height, width, 2), pixels per step,
            maybe on disk.
        fps_hz: frames per second; needed by errors in diagonals per second.
        metrics: those wanted, of "epe_raft", "epe_raft_static", "skill_raft" and "flow_cosine_raft".
        table: what lines share.
    """
    lines = {}
    if "flow_cosine_raft" in metrics:
        lines["flow_cosine_raft"] = _cosine_line(flows, metrics["flow_cosine_raft"], table)
    if set(metrics) == set(lines):
        return lines
    # Skill is a ratio, which no unit changes.
    rate = fps_hz or 1.0
    speed = np.array([_error(clip, np.zeros_like(clip), rate) for clip in flows[TRUTH]])
    errors = dict.fromkeys(STILL, speed)
    for name in (name for name in flows if name != TRUTH):
        errors[name] = np.array([_error(f, g, rate) for f, g in zip(flows[TRUTH], flows[name], strict=True)])
    orders = sampled_orders(table, FLOW_ORDERS)
    matrix = _sampled_errors(flows, orders, rate)
    np.fill_diagonal(matrix, errors[PREDICTION])
    if "epe_raft_static" in metrics:
        lines["epe_raft_static"] = make_line(metrics["epe_raft_static"], speed, table)
    for name, of in (("epe_raft", lambda error: error), ("skill_raft", lambda error: 1.0 - _ratio(error, speed))):
        if name in metrics:
            below = {each: defined_mean(of(values)) for each, values in errors.items() if each != PREDICTION}
            tested = tested_sample(of(matrix), orders, metrics[name])
            lines[name] = make_line(metrics[name], of(errors[PREDICTION]), table, tested=tested, below=below)
    return lines


def _cosine_line(flows: Mapping[str, flow.Flow], metric: ModelMetric, table: Table) -> Line:
    truth, prediction = flows[TRUTH], flows[PREDICTION]
    n = len(truth)
    tile = max(1, FLOW_MEMORY_BYTES // (4 * truth[0].nbytes))
    matrix = np.empty((n, n))
    for row in range(0, n, tile):
        for column in range(0, n, tile):
            rows, columns = slice(row, row + tile), slice(column, column + tile)
            matrix[rows, columns] = flow.flow_cosine_matrix(np.asarray(truth[columns]), np.asarray(prediction[rows]))
    below = dict.fromkeys(STILL, 0.0)
    for name in (name for name in flows if name not in (TRUTH, PREDICTION)):
        own = np.array([flow.flow_cosine(f, g) for f, g in zip(truth, flows[name], strict=True)])
        below[name] = defined_mean(own)
    tested = tested_matrix(matrix, table, metric)
    return make_line(metric, np.diagonal(matrix).copy(), table, tested=tested, below=below)


def _sampled_errors(flows: Mapping[str, flow.Flow], orders: NDArray[np.int32], rate: float) -> Floats:
    """Return the errors (n_clips, n_clips), prediction by truth, of the pairings in `orders`, NaN elsewhere."""
    n = len(flows[TRUTH])
    matrix = np.full((n, n), np.nan)
    for clip in range(n):
        prediction = np.asarray(flows[PREDICTION][clip])
        for other in np.unique(orders[:, clip]):
            matrix[clip, other] = _error(flows[TRUTH][other], prediction, rate)
    return matrix


def _error(truth: flow.Flow, prediction: flow.Flow, rate: float) -> float:
    return float(epe_diagonals_per_second(truth[None], prediction[None], rate)[0])


def _ratio(errors: Floats, speed: Floats) -> Floats:
    """Return errors, one per truth in the last axis, over the truths' speeds, NaN where a truth stands still."""
    wide = np.broadcast_to(speed, errors.shape)
    return np.asarray(np.divide(errors, wide, out=np.full(errors.shape, np.nan), where=wide > 0), np.float64)
