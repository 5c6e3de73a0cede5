"""Score predicted clips against true ones: every number with interval, chance, p and trivial baselines.

No data set is known here, so clips are independent unless they are said to come in blocks, and nothing was trained, so
the baselines are those that need neither training clips nor a generator (metrics spec 2.17).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import baselines
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.flow import Flow, Grey
from brainflix.evaluate.folders.inputs import Inputs, Track, check_room
from brainflix.evaluate.folders.metrics import (
    METRICS,
    WITHOUT_PAIRS,
    View,
    score_clip,
    score_motion,
    score_pixels,
)
from brainflix.evaluate.folders.repairing import Repairing, make_repairing, repaired
from brainflix.evaluate.pairs import excess, to_matrix
from brainflix.evaluate.repairing import Repaired
from brainflix.evaluate.score import Score, summarise
from brainflix.evaluate.scorecard import Line

Floats = NDArray[np.float64]
BASELINES = ("grey", "blurred", "static_first", "truth_first")
PREDICTION = "prediction"
# A baseline's SSIM with other clips is a mean over this many re-pairings; each holds every clip once on either side.
FLOOR_ORDERS = 2


@dataclass(frozen=True)
class Plan:
    """How to score.

    Attributes:
        protocol: name that stands on every number.
        metrics: names of METRICS.
        ssim: the flavour that `ssim_excess` is made of.
        grey: how optical flow takes luminance.
        block: clips of one stimulus block, 1 for independent clips.
        n_orders: re-pairings of videos at most.
        seed: of re-pairings and bootstrap.
        workers: threads.
    """

    protocol: str
    metrics: tuple[str, ...]
    ssim: str = "ssim_rgb_u7"
    grey: Grey = "rgb"
    block: int = 1
    n_orders: int = 200
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True, eq=False)
class Own:
    """Scores of the true pairs, taken clip by clip.

    Attributes:
        values: by video set and metric, array of shape (n_clips,).
        floors: by video set, its SSIM with a few other clips, array of shape (n_clips,); NaN without other clips.
        n_nan: by metric, how many values of the prediction are undefined.
        flows: of truth and prediction, if a metric takes them.
    """

    values: dict[str, dict[str, Floats]]
    floors: dict[str, Floats]
    n_nan: dict[str, int]
    flows: tuple[Flow, Flow] | None = field(default=None, repr=False)


def score_folder(inputs: Inputs, plan: Plan, folder: Path, track: Track) -> dict[str, Line]:
    """Score every metric of the plan.

    Args:
        inputs: the clips.
        plan: what to score and how.
        folder: for flow on disk.
        track: counts clips.

    Returns:
        By metric, in the order of METRICS.
    """
    repairing = make_repairing(inputs.rank, block=plan.block, n_orders=plan.n_orders, seed=plan.seed)
    own = _score_own(inputs, plan, repairing, folder, track)
    matrices = _score_pairs(inputs, plan, repairing, own, track)
    lines = {}
    for name in (name for name in METRICS if name in plan.metrics):
        values = {system: each[name] for system, each in own.values.items() if name in each}
        below = {system: defined_mean(each) for system, each in values.items() if system != PREDICTION}
        if name == "ssim_excess":
            matrix = excess(matrices[plan.ssim])
            values = {PREDICTION: _row_excess(own.values[PREDICTION][plan.ssim], matrices[plan.ssim])}
            below = {
                each: defined_mean(own.values[each][plan.ssim]) - defined_mean(own.floors[each]) for each in BASELINES
            }
        elif name in matrices:
            matrix = matrices[name]
        else:
            # Known of the truth alone: no baseline has another value.
            matrix, below = None, {}
        lines[name] = _line(name, values[PREDICTION], matrix, below, repairing, plan, own.n_nan.get(name))
    return lines


def _score_own(inputs: Inputs, plan: Plan, repairing: Repairing, folder: Path, track: Track) -> Own:
    """Score the prediction and every baseline against the truth, clip by clip."""
    n = len(inputs.ids)
    names = [name for name in METRICS if name in plan.metrics and name != "ssim_excess"]
    if "ssim_excess" in plan.metrics and plan.ssim not in names:
        names.append(plan.ssim)
    systems = (PREDICTION, *BASELINES)
    own = Own(
        values={system: {name: np.full(n, np.nan) for name in names} for system in systems},
        floors={system: np.full(n, np.nan) for system in systems},
        n_nan=dict.fromkeys(names, 0),
        flows=_open_flows(inputs, folder) if any(METRICS[name].motion for name in names) else None,
    )
    others = repairing.floor[:FLOOR_ORDERS] if "ssim_excess" in plan.metrics else repairing.floor[:0]
    run = partial(_score_clip, inputs, plan, names, others, own)
    with ThreadPoolExecutor(plan.workers) as pool:
        counts = pool.map(run, range(n))
        for _ in track(range(n), "clips scored"):
            for name, missing in next(counts).items():
                own.n_nan[name] += missing
    return own


def _score_clip(
    inputs: Inputs, plan: Plan, names: Sequence[str], others: NDArray[np.int32], own: Own, clip: int
) -> dict[str, int]:
    """Fill in one clip of all video sets; return how many values of the prediction are undefined, by metric."""
    truth, prediction = (View(np.asarray(each[clip]), plan.grey) for each in (inputs.truth, inputs.prediction))
    if own.flows is not None:
        own.flows[0][clip], own.flows[1][clip] = truth.flow, prediction.flow
    strangers = [View(np.asarray(inputs.truth[int(other)]), plan.grey) for other in others[:, clip]]
    undefined = {}
    for system, values in own.values.items():
        view = prediction if system == PREDICTION else View(_derive(system, inputs, clip), plan.grey)
        for name in names:
            values[name][clip], missing = score_clip(name, truth, view)
            if system == PREDICTION:
                undefined[name] = missing
        if strangers and system != PREDICTION:
            own.floors[system][clip] = np.mean([score_clip(plan.ssim, each, view)[0] for each in strangers])
    return undefined


def _derive(baseline: str, inputs: Inputs, clip: int) -> NDArray[np.uint8]:
    """Return one clip of a baseline, (n_frames, height, width, 3)."""
    one = slice(clip, clip + 1)
    made = baselines.build(baseline, prediction=inputs.prediction[one], truth=inputs.truth[one])
    return np.asarray(made[0], np.uint8)


def _open_flows(inputs: Inputs, folder: Path) -> tuple[Flow, Flow]:
    n, frames, height, width, _ = inputs.truth.shape
    shape = (n, frames - 1, height, width, 2)
    check_room(folder, 2 * 4 * math.prod(shape))
    truth, prediction = (np.memmap(folder / f"flow-{i}.f4", np.float32, "w+", shape=shape) for i in (0, 1))
    return truth, prediction


def _score_pairs(inputs: Inputs, plan: Plan, repairing: Repairing, own: Own, track: Track) -> dict[str, Floats]:
    """Return the matrices (n_clips, n_clips) of all metrics that can be re-paired."""
    n, pairs, found = len(inputs.ids), repairing.pairs, {}
    names = [name for name in own.n_nan if name not in WITHOUT_PAIRS]
    still = [name for name in names if not METRICS[name].motion]
    for name in track(still, "metrics re-paired"):
        values = score_pixels(name, inputs.truth, inputs.prediction, pairs, workers=plan.workers)
        found[name] = to_matrix(values, pairs, n)
    if own.flows is not None:
        moving = [name for name in names if METRICS[name].motion]
        for name, values in score_motion(moving, *own.flows, pairs).items():
            found[name] = to_matrix(values, pairs, n)
    return found


def _row_excess(own: Floats, matrix: Floats) -> Floats:
    """Return each clip's SSIM in full precision minus its row's mismatched mean."""
    return np.asarray(own - np.diagonal(matrix) + np.diagonal(excess(matrix)), np.float64)


def _line(
    name: str,
    per_clip: Floats,
    matrix: Floats | None,
    below: dict[str, float],
    repairing: Repairing,
    plan: Plan,
    n_nan: int | None,
) -> Line:
    metric = METRICS[name]
    tested = None if matrix is None else repaired(matrix, repairing, higher_is_better=metric.higher_is_better)
    score = _score(per_clip, tested, below, repairing, plan, n_nan, 0.0 if name == "ssim_excess" else math.nan)
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
    mismatched = {} if tested is None else {"mismatched": tested.chance}
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
