"""Score predicted clips against true ones: every number with interval, chance, p and trivial baselines.

No data set is known here, so clips are independent unless they are said to come in blocks, and nothing was trained, so
the baselines are those that need neither training clips nor a generator (docs/scoring.md, Baselines).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import baselines
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.flow import epe_static
from brainflix.evaluate.staging import Inputs, Track
from brainflix.evaluate.lines import Table, make_line
from brainflix.evaluate.folders.motion import OF_SETS
from brainflix.evaluate.folders.plan import Plan
from brainflix.evaluate.folders.repairing import Gathering, Repairing, Rotations, SameSpeed, signs
from brainflix.evaluate.permutations import Permuted, mismatched_means
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.ssim_pairs import ssim_matrix
from brainflix.evaluate.video_metrics import FLAVOURS, METRICS, Metric, score_views
from brainflix.evaluate.views import FLOW_PLACES, PIXEL_PLACES, ClipSet, View, paired_rows, sample_flow
from brainflix.scratch import give_back, zeros

Floats = NDArray[np.float64]
BASELINES = ("grey", "blurred", "static_first", "truth_first")
PREDICTION = "prediction"
# A baseline's SSIM with other clips is a mean over this many permutations; each holds every clip once on either side.
FLOOR_ORDERS = 4
# Differences that are 0 by chance.
CENTRED = ("ssim_excess", "reversal_gain")


@dataclass(frozen=True, eq=False)
class Own:
    """Scores of the true pairs, taken clip by clip.

    Attributes:
        values: by video set and metric, array of shape (n_clips,).
        floors: by baseline, its SSIM with a few other clips, array of shape (n_clips,); empty if nothing asks for it.
        n_nan: by metric, how many values of the prediction are undefined.
        flows: of truth and prediction, sampled, (n_clips, n_steps, n_places, 2) each; empty without metrics of motion.
        speed: mean true speed of each clip at these places, (n_clips,), NaN without metrics of motion.
    """

    values: dict[str, dict[str, Floats]]
    floors: dict[str, Floats]
    n_nan: dict[str, int]
    flows: tuple[NDArray[np.float32], ...]
    speed: Floats


def score_folder(
    inputs: Inputs, plan: Plan, repairing: Repairing, track: Track, folder: Path | None = None
) -> dict[str, Line]:
    """Score every metric of the plan.

    Args:
        inputs: the clips.
        plan: what to score and how.
        repairing: how clips are permuted.
        track: counts clips.
        folder: takes what grows with the clips, which has room there; None holds it in memory.

    Returns:
        By metric, in the order of METRICS.
    """
    own = _score_own(inputs, plan, repairing, track, folder)
    tested, floor = _score_pairs(inputs, plan, own, repairing, track, folder)
    table = Table(inputs.rank, repairing, plan)
    lines = {}
    for name in (name for name in METRICS if name in plan.metrics):
        metric = METRICS[name]
        if name == "ssim_excess":
            below = {each: defined_mean(own.values[each][plan.ssim] - own.floors[each]) for each in BASELINES}
            values, n_nan = own.values[PREDICTION][plan.ssim] - floor, own.n_nan[plan.ssim]
            lines[name] = make_line(metric, values, table, tested=tested[name], below=below, n_nan=n_nan, chance=0.0)
            continue
        if name in OF_SETS:
            values, of_set = OF_SETS[name](inputs, plan.grey, plan.seed, plan.workers)
            lines[name] = make_line(metric, values, table, tested=of_set)
            continue
        below = {each: defined_mean(own.values[each][name]) for each in BASELINES}
        # What is known of the truth alone has no other value for any baseline.
        below = {} if name == "epe_static" else below
        values, null = own.values[PREDICTION][name], tested.get(name)
        if metric.null == "signs":
            null = signs(values, repairing.clusters)
        chance = 0.0 if name in CENTRED else math.nan
        lines[name] = make_line(metric, values, table, tested=null, below=below, n_nan=own.n_nan[name], chance=chance)
    return lines


def _score_own(inputs: Inputs, plan: Plan, repairing: Repairing, track: Track, folder: Path | None) -> Own:
    """Score the prediction and every baseline against the truth, clip by clip."""
    n, names = len(inputs.ids), plan.of_clips
    n_floor = FLOOR_ORDERS if "ssim_excess" in plan.metrics else 0
    shifts = np.linspace(0, len(repairing.shifts) - 1, n_floor).astype(int)
    others = replace(repairing, shifts=repairing.shifts[shifts]).floor
    values = {system: {name: np.empty(n) for name in names} for system in (PREDICTION, *BASELINES)}
    floors = {name: np.empty(n) for name in BASELINES}
    n_nan, flows, speed = dict.fromkeys(names, 0), list[NDArray[np.float32]](), np.full(n, math.nan)
    with clip_pool(plan.workers) as pool:
        found = in_order(pool, lambda clip: _score_clip(inputs, plan, clip, others[:, clip]), range(n))
        for clip in track(range(n), "clips scored"):
            one = next(found)
            for system, name in product(values, names):
                values[system][name][clip] = one.scores[system][name][0]
            for name in BASELINES:
                floors[name][clip] = one.floors[name]
            for name in names:
                n_nan[name] += one.scores[PREDICTION][name][1]
            flows = flows or [zeros((n, *each.shape), np.float32, folder) for each in one.flows]
            for side, each in zip(flows, one.flows, strict=True):
                side[clip] = each
                give_back(side)
            if one.flows:
                (speed[clip],) = epe_static(one.flows[0][None])
    return Own(values, floors, n_nan, tuple(flows), speed)


@dataclass(frozen=True, eq=False)
class _OneClip:
    """What `Own` gathers, of one clip: scores are values and how many are undefined."""

    scores: dict[str, dict[str, tuple[float, int]]]
    floors: dict[str, float]
    flows: tuple[NDArray[np.float32], ...]


def _score_clip(inputs: Inputs, plan: Plan, clip: int, others: NDArray[np.int32]) -> _OneClip:
    """Score one clip of the prediction and of every baseline; `others` are the clips of a baseline's floor."""
    truth, prediction = (
        View(np.asarray(each[clip]), plan.grey, inputs.fps_hz or math.nan) for each in (inputs.truth, inputs.prediction)
    )
    scores = {PREDICTION: score_views(plan.of_clips, truth, prediction)}
    flows = tuple(sample_flow(view, plan.seed) for view in (truth, prediction) if plan.moves)
    del prediction
    frames = []
    for name in BASELINES:
        # One after another: what metrics derive from a clip is some fifty times as large as the clip.
        view = View(derive(name, inputs, clip), plan.grey, truth.fps_hz)
        scores[name] = score_views(plan.of_clips, truth, view)
        frames.append(view.frames)
    floors = np.full(len(BASELINES), math.nan)
    if len(others):
        strangers = [inputs.truth[i] for i in others]
        floors = ssim_matrix(strangers, frames, FLAVOURS[plan.ssim], seed=plan.seed).mean(axis=1)
    return _OneClip(scores, dict(zip(BASELINES, floors.tolist(), strict=True)), flows)


def derive(baseline: str, inputs: Inputs, clip: int) -> NDArray[np.uint8]:
    """Return one clip of a baseline, (n_frames, height, width, 3)."""
    made = baselines.build(baseline, prediction=inputs.prediction[clip][None], truth=inputs.truth[clip][None])
    return np.asarray(made[0], np.uint8)


def scratch_bytes(inputs: Inputs, plan: Plan) -> int:
    """Return how much room on disk `score_folder` takes for samples, permutations and matrices of all pairings."""
    n, n_frames = inputs.truth.shape[:2]
    samples = n_frames * (3 * PIXEL_PLACES + (8 * FLOW_PLACES if plan.moves else 0))
    orders = 2 if any(METRICS[name].null == "matched" for name in plan.of_clips) else 1
    matrices = 8 * (sum(name in FLAVOURS for name in plan.of_clips) + plan.moves) + 4
    return n * (2 * samples + 4 * plan.n_draws * orders + matrices * n)


def _score_pairs(
    inputs: Inputs, plan: Plan, own: Own, repairing: Repairing, track: Track, folder: Path | None
) -> tuple[dict[str, Permuted], Floats]:
    """Return chance and p of all metrics that can be permuted, and each prediction's SSIM with other clips."""
    n = len(inputs.ids)
    floor = np.full(n, math.nan)
    if n < 2 or not plan.n_draws:
        return {}, floor
    per_second = (inputs.fps_hz or math.nan) / math.hypot(*inputs.truth.shape[2:4])
    truth, prediction = (
        ClipSet(videos, flow, per_second, plan.seed, plan.workers, folder)
        for videos, flow in zip((inputs.truth, inputs.prediction), own.flows or (None, None), strict=True)
    )
    tested: dict[str, Permuted] = {}
    for name in track(plan.of_clips, "metrics permuted"):
        metric = METRICS[name]
        if metric.matrix is None:
            continue
        gathered = _gathering(metric, own, repairing, plan, folder)
        excess = Rotations(repairing) if name == plan.ssim and "ssim_excess" in plan.metrics else None
        for clips, scores in paired_rows(metric.matrix, truth, prediction):
            gathered.add(clips, scores)
            if excess is not None:
                floor[clips] = mismatched_means(scores, repairing.strangers(clips))
                excess.add(clips, scores - floor[clips, None])
        tested[name] = gathered.result()
        if excess is not None:
            tested["ssim_excess"] = excess.result()
    return tested, floor


def _gathering(metric: Metric, own: Own, repairing: Repairing, plan: Plan, folder: Path | None) -> Gathering:
    """Return what tests a metric by the null that it names."""
    if metric.null == "matched":
        return SameSpeed(own.speed, n_draws=plan.n_draws, seed=plan.seed, folder=folder)
    return Rotations(repairing, higher_is_better=metric.higher_is_better)
