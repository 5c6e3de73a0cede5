"""One walk over the clips: what every metric of single clips says of every video set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import pixels
from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.flow import epe_static
from brainflix.evaluate.metric import ClipMetric, MetricWork
from brainflix.evaluate.scene import PREDICTION, Scene
from brainflix.evaluate.videos import Frames
from brainflix.evaluate.views import View, sample_flow
from brainflix.scratch import give_back, zeros

Floats = NDArray[np.float64]
Metrics = Mapping[str, ClipMetric]
# Values that are known already, by line and video set, (n_clips,) each.
Known = Mapping[str, Mapping[str, Floats]]


@dataclass(frozen=True, eq=False)
class Own:
    """Scores of the true pairs.

    Attributes:
        values: by line and video set, array of shape (n_clips,).
        n_nan: by line, how many values of the prediction are undefined.
        flows: of truth and prediction, sampled, (n_clips, n_steps, n_places, 2) each; empty without metrics of motion.
        speed: mean true speed of each clip at these places, (n_clips,), NaN without metrics of motion.
    """

    values: dict[str, dict[str, Floats]]
    n_nan: dict[str, int]
    flows: tuple[NDArray[np.float32], ...]
    speed: Floats


@dataclass(frozen=True, eq=False)
class _OneClip:
    """What `Own` gathers, of one clip: by video set and line, the value and how many are undefined."""

    scores: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)
    flows: tuple[NDArray[np.float32], ...] = ()


def own_values(scene: Scene, metrics: Metrics, work: MetricWork, known: Known | None = None) -> Own:
    """Score the prediction and every other set against the truth, clip by clip.

    Args:
        scene: the clips.
        metrics: of single clips, by line.
        work: threads, seed and folder.
        known: values that need not be computed again.
    """
    n, known = scene.n_clips, known or {}
    values = {
        line: {name: each for name, each in known.get(line, {}).items() if name in scene.others} for line in metrics
    }
    asked = {name: _asked(name, metrics, values) for name in (PREDICTION, *scene.others)}
    asked = {name: lines for name, lines in asked.items() if lines}
    for name, lines in asked.items():
        for line in lines:
            values[line][name] = np.empty(n)
    n_nan, flows, speed = dict.fromkeys(metrics, 0), list[NDArray[np.float32]](), np.full(n, math.nan)
    moves = any(metric.motion for metric in metrics.values())
    with clip_pool(work.workers) as pool:
        found = in_order(pool, lambda clip: _score_clip(scene, clip, metrics, asked, work.seed, moves), range(n))
        for clip in work.track(range(n), "clips scored"):
            one = next(found)
            for name, lines in asked.items():
                for line in lines:
                    values[line][name][clip] = one.scores[name][line][0]
            for line in metrics:
                n_nan[line] += one.scores[PREDICTION][line][1]
            flows = flows or [zeros((n, *each.shape), np.float32, work.folder) for each in one.flows]
            for side, each in zip(flows, one.flows, strict=True):
                side[clip] = each
                give_back(side)
            if one.flows:
                (speed[clip],) = epe_static(one.flows[0][None])
    return Own(values, n_nan, tuple(flows), speed)


def _asked(name: str, metrics: Metrics, values: Mapping[str, Mapping[str, Floats]]) -> list[str]:
    """Return the lines that a set must be scored for."""
    if name == PREDICTION:
        return list(metrics)
    return [line for line, metric in metrics.items() if not metric.bare and name not in values[line]]


def _score_clip(
    scene: Scene, clip: int, metrics: Metrics, asked: Mapping[str, list[str]], seed: int, moves: bool
) -> _OneClip:
    """Score one clip of every set."""
    truth = _view(scene, scene.truth[clip])
    one = _OneClip()
    for name, lines in asked.items():
        # One after another: what metrics derive from a clip is some fifty times as large as the clip.
        view = _view(scene, scene.sets[name][clip])
        one.scores[name] = {line: _score(metrics[line], truth, view) for line in lines}
        if name == PREDICTION and moves:
            one = _OneClip(one.scores, tuple(sample_flow(each, seed) for each in (truth, view)))
        del view
    return one


def _view(scene: Scene, frames: Frames) -> View:
    return View(np.asarray(frames), scene.grey, scene.fps_hz or math.nan)


def _score(metric: ClipMetric, truth: View, prediction: View) -> tuple[float, int]:
    """Return the mean of a metric's defined values (NaN if none is), and how many are undefined."""
    means, n_nan = pixels.clip_means(metric.own(truth, prediction)[None])
    return float(means[0]), n_nan
