"""Score predicted clips against true ones: every number with interval, chance, p and trivial baselines.

No data set is known here, so clips are independent unless they are said to come in blocks, and nothing was trained, so
the baselines are those that need neither training clips nor a generator (metrics spec 2.17).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import baselines
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.clip_pool import clip_pool
from brainflix.evaluate.flow import Grey, epe_static
from brainflix.evaluate.folders.inputs import Inputs, Track
from brainflix.evaluate.folders.motion import OF_SETS
from brainflix.evaluate.folders.repairing import Repairing, matched, repaired, signs
from brainflix.evaluate.repairing import Repaired, mismatched_means
from brainflix.evaluate.score import Score, summarise
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.ssim_pairs import ssim_matrix
from brainflix.evaluate.video_metrics import FLAVOURS, METRICS, Metric, score_views
from brainflix.evaluate.views import ClipSet, View, sample_flow

Floats = NDArray[np.float64]
BASELINES = ("grey", "blurred", "static_first", "truth_first")
PREDICTION = "prediction"
# A baseline's SSIM with other clips is a mean over this many re-pairings; each holds every clip once on either side.
FLOOR_ORDERS = 4
# Differences that are 0 by chance.
CENTRED = ("ssim_excess", "reversal_gain")


@dataclass(frozen=True)
class Plan:
    """How to score.

    Attributes:
        protocol: name that stands on every number.
        metrics: names of METRICS.
        ssim: the flavour that `ssim_excess` is made of.
        grey: how optical flow takes luminance.
        block: clips of one stimulus block, 1 for independent clips.
        n_draws: re-pairings of the permutation test at most.
        seed: of re-pairings, sampled places and bootstrap.
        workers: threads.
    """

    protocol: str
    metrics: tuple[str, ...]
    ssim: str = "ssim_rgb_u7"
    grey: Grey = "rgb"
    block: int = 1
    n_draws: int = 10_000
    seed: int = 0
    workers: int = 1

    @property
    def of_clips(self) -> tuple[str, ...]:
        """The metrics that are scored clip by clip, among them what the excess is made of."""
        names = tuple(name for name in self.metrics if METRICS[name].own is not None)
        return names if "ssim_excess" not in self.metrics or self.ssim in names else (*names, self.ssim)

    @property
    def moves(self) -> bool:
        """Whether a metric is made of optical flow."""
        return any(METRICS[name].motion for name in self.of_clips)


@dataclass(frozen=True, eq=False)
class Own:
    """Scores of the true pairs, taken clip by clip.

    Attributes:
        values: by video set and metric, array of shape (n_clips,).
        floors: by baseline, its SSIM with a few other clips, array of shape (n_clips,); empty if nothing asks for it.
        n_nan: by metric, how many values of the prediction are undefined.
        flows: of truth and prediction, sampled, (n_clips, n_steps, n_places, 2) each; empty without metrics of motion.
    """

    values: dict[str, dict[str, Floats]]
    floors: dict[str, Floats]
    n_nan: dict[str, int]
    flows: tuple[NDArray[np.float32], ...]


def score_folder(inputs: Inputs, plan: Plan, repairing: Repairing, track: Track) -> dict[str, Line]:
    """Score every metric of the plan.

    Args:
        inputs: the clips.
        plan: what to score and how.
        repairing: how clips are re-paired.
        track: counts clips.

    Returns:
        By metric, in the order of METRICS.
    """
    own = _score_own(inputs, plan, repairing, track)
    matrices = _score_pairs(inputs, plan, own, track)
    lines = {}
    for name in (name for name in METRICS if name in plan.metrics):
        if name == "ssim_excess":
            lines[name] = _excess_line(plan, own, matrices[plan.ssim], repairing)
            continue
        if name in OF_SETS:
            values, tested = OF_SETS[name](inputs, plan.grey, plan.seed, plan.workers)
            lines[name] = _line(name, values, tested, {}, repairing, plan, None)
            continue
        below = {each: defined_mean(own.values[each][name]) for each in BASELINES}
        # What is known of the truth alone has no other value for any baseline.
        below = {} if name == "epe_static" else below
        values = own.values[PREDICTION][name]
        tested = _tested(METRICS[name], values, matrices.get(name), own, repairing, plan)
        lines[name] = _line(name, values, tested, below, repairing, plan, own.n_nan[name])
    return lines


def _tested(
    metric: Metric, values: Floats, matrix: Floats | None, own: Own, repairing: Repairing, plan: Plan
) -> Repaired | None:
    """Return chance and p of a metric by the null that it names, None where nothing can be re-paired."""
    if metric.null == "signs":
        return signs(values, repairing.clusters)
    if matrix is None:
        return None
    if metric.null == "matched":
        return matched(matrix, epe_static(own.flows[0]), n_draws=plan.n_draws, seed=plan.seed)
    return repaired(matrix, repairing, higher_is_better=metric.higher_is_better)


def _score_own(inputs: Inputs, plan: Plan, repairing: Repairing, track: Track) -> Own:
    """Score the prediction and every baseline against the truth, clip by clip."""
    n, names = len(inputs.ids), plan.of_clips
    n_floor = FLOOR_ORDERS if "ssim_excess" in plan.metrics else 0
    others = repairing.floor[np.linspace(0, len(repairing.floor) - 1, n_floor).astype(int)]
    with clip_pool(plan.workers) as pool:
        found = pool.map(partial(_score_clip, inputs, plan), range(n), others.T)
        clips = [next(found) for _ in track(range(n), "clips scored")]
    return Own(
        values={
            system: {name: np.array([clip.scores[system][name][0] for clip in clips]) for name in names}
            for system in (PREDICTION, *BASELINES)
        },
        floors={name: np.array([clip.floors[name] for clip in clips]) for name in BASELINES},
        n_nan={name: sum(clip.scores[PREDICTION][name][1] for clip in clips) for name in names},
        flows=tuple(np.stack([clip.flows[side] for clip in clips]) for side in range(2 if plan.moves else 0)),
    )


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
    derived = {name: View(derive(name, inputs, clip), plan.grey, truth.fps_hz) for name in BASELINES}
    views = {PREDICTION: prediction, **derived}
    scores = {name: score_views(plan.of_clips, truth, view) for name, view in views.items()}
    floors = np.full(len(BASELINES), math.nan)
    if len(others):
        strangers, frames = [inputs.truth[i] for i in others], [view.frames for view in derived.values()]
        floors = ssim_matrix(strangers, frames, FLAVOURS[plan.ssim], seed=plan.seed).mean(axis=1)
    flows = tuple(sample_flow(view, plan.seed) for view in (truth, prediction) if plan.moves)
    return _OneClip(scores, dict(zip(BASELINES, floors.tolist(), strict=True)), flows)


def derive(baseline: str, inputs: Inputs, clip: int) -> NDArray[np.uint8]:
    """Return one clip of a baseline, (n_frames, height, width, 3)."""
    made = baselines.build(baseline, prediction=inputs.prediction[clip][None], truth=inputs.truth[clip][None])
    return np.asarray(made[0], np.uint8)


def _score_pairs(inputs: Inputs, plan: Plan, own: Own, track: Track) -> dict[str, Floats]:
    """Return the matrices (n_clips, n_clips) of all metrics that can be re-paired."""
    if len(inputs.ids) < 2 or not plan.n_draws:
        return {}
    per_second = (inputs.fps_hz or math.nan) / math.hypot(*inputs.truth.shape[2:4])
    flows = own.flows or (None, None)
    truth, prediction = (
        ClipSet(videos, flow, per_second, plan.seed, plan.workers)
        for videos, flow in zip((inputs.truth, inputs.prediction), flows, strict=True)
    )
    found = {}
    for name in track(plan.of_clips, "metrics re-paired"):
        matrix = METRICS[name].matrix
        if matrix is not None:
            found[name] = matrix(truth, prediction)
    return found


def _excess_line(plan: Plan, own: Own, matrix: Floats, repairing: Repairing) -> Line:
    """Score SSIM minus SSIM with other clips, of the prediction and of every baseline."""
    floor = mismatched_means(matrix, repairing.mismatched)
    below = {name: defined_mean(own.values[name][plan.ssim] - own.floors[name]) for name in BASELINES}
    values = own.values[PREDICTION][plan.ssim] - floor
    tested = repaired(matrix - floor[:, None], repairing)
    return _line("ssim_excess", values, tested, below, repairing, plan, own.n_nan[plan.ssim])


def _line(
    name: str,
    per_clip: Floats,
    tested: Repaired | None,
    below: dict[str, float],
    repairing: Repairing,
    plan: Plan,
    n_nan: int | None,
) -> Line:
    metric = METRICS[name]
    chance = 0.0 if name in CENTRED else math.nan
    score = _score(per_clip, tested, below, repairing, plan, n_nan, chance)
    return Line(score, metric.about, metric.primary, metric.unit, metric.higher_is_better)


def _score(
    per_clip: Floats,
    tested: Repaired | None,
    below: dict[str, float],
    repairing: Repairing,
    plan: Plan,
    n_nan: int | None,
    chance: float,
) -> Score:
    mismatched = {} if tested is None or math.isnan(tested.chance) else {"mismatched": tested.chance}
    return summarise(
        per_clip,
        repairing.clusters,
        protocol=plan.protocol,
        repaired=tested,
        chance_analytic=chance,
        baselines={**below, **mismatched},
        n_nan=n_nan,
        seed=plan.seed,
    )
