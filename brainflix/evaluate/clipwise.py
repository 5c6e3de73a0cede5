"""One walk over the clips: what every metric of single clips says of every video set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import pixels
from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.flow import epe_static
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.metric import ClipMetric, MetricWork
from brainflix.evaluate.scene import PREDICTION, Scene
from brainflix.evaluate.videos import Frames
from brainflix.evaluate.views import View, sample_flow
from brainflix.scratch import give_back, zeros

Floats = NDArray[np.float64]
Metrics = Mapping[str, ClipMetric]
# Clips whose scores are kept together for a run that is stopped.
KEPT_CLIPS = 16
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
        work: threads, seed, folder, and what a run that was stopped has computed.
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
        score = partial(_score_clip, scene, metrics=metrics, asked=asked, seed=work.seed, moves=moves)
        found = _scored(n, score, partial(in_order, pool, score), work.kept, asked, moves)
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


def _scored(
    n: int,
    score: Callable[[int], _OneClip],
    in_threads: Callable[[Iterable[int]], Iterator[_OneClip]],
    kept: Kept,
    asked: Mapping[str, list[str]],
    moves: bool,
) -> Iterator[_OneClip]:
    """Yield every clip's scores; a block of clips that a stopped run has scored is read, each other one is kept."""
    blocks = [range(start, min(start + KEPT_CLIPS, n)) for start in range(0, n, KEPT_CLIPS)]
    about = list(asked.items()), moves
    there = {block for block in blocks if kept.has("clips", *about, block.start, block.stop)}
    coming = in_threads(clip for block in blocks if block not in there for clip in block)
    for block in blocks:
        found = _unpacked(kept.get("clips", *about, block.start, block.stop), asked) if block in there else []
        if found:
            yield from found
            continue
        # What turned out to be damaged is scored here, for the threads have been told of the others only.
        fresh = (score(clip) for clip in block) if block in there else (next(coming) for _ in block)
        for one in fresh:
            found.append(one)
            # Before the last one is given away: nobody may ask for more.
            if len(found) == len(block):
                kept.put(_packed(found, asked), "clips", *about, block.start, block.stop)
            yield one


def _packed(clips: Sequence[_OneClip], asked: Mapping[str, list[str]]) -> dict[str, object]:
    """Return the scores of some clips as arrays, (n_clips, n_scores) each, and their flows, (n_clips, ...) each."""
    scores = [[one.scores[name][line] for name, lines in asked.items() for line in lines] for one in clips]
    return {
        "values": np.array([[value for value, _ in each] for each in scores], np.float64),
        "n_nan": np.array([[count for _, count in each] for each in scores], np.int64),
        "flows": tuple(np.stack(side) for side in zip(*(one.flows for one in clips), strict=True)),
    }


def _unpacked(found: Mapping[str, Any] | None, asked: Mapping[str, list[str]]) -> list[_OneClip]:
    """Return the scores that `_packed` made arrays of; nothing of nothing."""
    clips = []
    for row in range(0 if found is None else len(found["values"])):
        assert found is not None
        scored = iter(zip(found["values"][row].tolist(), found["n_nan"][row].tolist(), strict=True))
        scores = {name: {line: next(scored) for line in lines} for name, lines in asked.items()}
        clips.append(_OneClip(scores, tuple(side[row] for side in found["flows"])))
    return clips


def _asked(name: str, metrics: Metrics, values: Mapping[str, Mapping[str, Floats]]) -> list[str]:
    """Return the lines that a set must be scored for."""
    if name == PREDICTION:
        return list(metrics)
    return [line for line, metric in metrics.items() if not metric.bare and name not in values[line]]


def _score_clip(
    scene: Scene, clip: int, *, metrics: Metrics, asked: Mapping[str, list[str]], seed: int, moves: bool
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
