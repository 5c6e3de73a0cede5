"""Chance and p of metrics of single clips, and the SSIM of every set with strangers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.clipwise import Known, Metrics, Own
from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import ByExchange, Gathering, SameSpeed
from brainflix.evaluate.metric import ClipMetric, MetricWork
from brainflix.evaluate.permutations import Permuted, mismatched_means
from brainflix.evaluate.scene import PREDICTION, Scene
from brainflix.evaluate.videos import VideoSet
from brainflix.evaluate.views import FLOW_PLACES, PIXEL_PLACES, ClipSet, paired_rows

Floats = NDArray[np.float64]
# Up to so many clips the floor of every set is a mean over all strangers; beyond, over a few.
FLOOR_CLIPS, FLOOR_CLIPS_EACH = 256, 4
FEW = f"floors of baselines from {FLOOR_CLIPS_EACH} strangers"


@dataclass(frozen=True, eq=False)
class Pairings:
    """What pairings tell.

    Attributes:
        permuted: chance and p by line, among them those of each excess.
        floors: by the line that an excess is made of and by video set, its mean over strangers, (n_clips,).
        is_sampled: whether the floors of other sets are means over a few strangers only.
    """

    permuted: dict[str, Permuted]
    floors: dict[str, dict[str, Floats]]
    is_sampled: bool = False


def pair_all(
    scene: Scene,
    metrics: Metrics,
    excess: Mapping[str, str],
    own: Own,
    work: MetricWork,
    known: Known | None = None,
) -> Pairings:
    """Return chance and p of all metrics whose clips can meet others.

    Args:
        scene: the clips.
        metrics: of single clips, by line.
        excess: by line, the line that it is the excess of.
        own: their values of the true pairs.
        work: design, threads and folder.
        known: floors that need not be computed again, by line and video set.
    """
    design = work.design
    if not design.permutes:
        return Pairings({}, {})
    per_second = (scene.fps_hz or math.nan) / math.hypot(*scene.shape[1:])
    truth, prediction = (
        ClipSet(videos, flow, per_second, work.seed, work.workers, work.folder)
        for videos, flow in zip((scene.truth, scene.prediction), own.flows or (None, None), strict=True)
    )
    found = Pairings({}, {}, scene.n_clips > FLOOR_CLIPS)
    for line in work.track(tuple(metrics), "metrics permuted"):
        pairs = metrics[line].pairs
        if pairs is None:
            continue
        names, floor = [name for name, of in excess.items() if of == line], np.full(scene.n_clips, math.nan)
        about = "pairings", line, names, sorted(scene.others)
        if (before := work.kept.get(*about, of=(Permuted,))) is not None:
            found.permuted.update(before["permuted"])
            found.floors.update(before["floors"])
            continue
        gathered, above = _gathering(line, metrics[line], own, work), ByExchange(design)
        for clips, scores in paired_rows(pairs, truth, prediction):
            gathered.add(clips, scores)
            if names:
                floor[clips] = mismatched_means(scores, design.strangers.of(clips))
                above.add(clips, scores - floor[clips, None])
        found.permuted[line] = gathered.result()
        if names:
            found.permuted.update(dict.fromkeys(names, above.result()))
            found.floors[line] = {
                PREDICTION: floor,
                **floors_of(scene, line, metrics[line], work, (known or {}).get(line, {})),
            }
        tested = {each: found.permuted[each] for each in (line, *names)}
        work.kept.put({"permuted": tested, "floors": {line: found.floors[line]} if names else {}}, *about)
    return found


def _gathering(line: str, metric: ClipMetric, own: Own, work: MetricWork) -> Gathering:
    """Return what tests a metric by the null that it names."""
    if metric.null == "matched":
        return SameSpeed(own.speed, work.design, work.folder)
    return ByExchange(work.design, higher_is_better=work.directions.get(line, True))


def floors_of(
    scene: Scene, line: str, metric: ClipMetric, work: MetricWork, known: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Return the mean over strangers of every set beside the prediction, (n_clips,) each.

    Args:
        scene: the clips.
        line, metric: of which the mean is.
        work: design, threads, seed, and what a run that was stopped has computed.
        known: those that need not be computed again, by set.
    """
    found = {name: each for name, each in known.items() if name in scene.others}
    for name, videos in work.track([each for each in scene.others.items() if each[0] not in found], "video sets"):
        before = work.kept.get("floor", line, name)
        found[name] = _whole_floor(scene, videos, metric, work) if before is None else before
        if before is None:
            work.kept.put(found[name], "floor", line, name)
    return found


def _whole_floor(scene: Scene, videos: VideoSet, metric: ClipMetric, work: MetricWork) -> Floats:
    """Return one set's mean over strangers, all of them or a few, (n_clips,)."""
    assert metric.pairs is not None
    design, clips = work.design, np.arange(scene.n_clips)
    if scene.n_clips <= FLOOR_CLIPS:
        # In one call: single precision rounds otherwise where fewer clips are multiplied at once.
        truth, other = (ClipSet(each, seed=work.seed, workers=work.workers) for each in (scene.truth, videos))
        return mismatched_means(metric.pairs(truth, other), design.strangers.of(clips))
    one = partial(_few, scene=scene, videos=videos, metric=metric, work=work)
    with clip_pool(work.workers) as pool:
        return np.array(list(in_order(pool, one, range(scene.n_clips))), np.float64)


def _few(clip: int, *, scene: Scene, videos: VideoSet, metric: ClipMetric, work: MetricWork) -> float:
    assert metric.pairs is not None
    strangers = [scene.truth[int(other)] for other in work.design.strangers.few(clip, FLOOR_CLIPS_EACH)]
    if not strangers:
        return math.nan
    truth, own = ClipSet(strangers, seed=work.seed), ClipSet([videos[clip]], seed=work.seed)
    return float(metric.pairs(truth, own).mean())


def scratch_bytes(scene: Scene, metrics: Metrics, design: Design) -> int:
    """Return how much room on disk pairings take for samples, permutations of single clips and matrices."""
    n, n_frames = scene.n_clips, scene.shape[0]
    moves = any(metric.motion for metric in metrics.values())
    samples = n_frames * (3 * PIXEL_PLACES + (8 * FLOW_PLACES if moves else 0))
    is_matched = not design.together and any(metric.null == "matched" for metric in metrics.values())
    permuted = len(design.exchanges.loose) + (n if is_matched else 0)
    matrices = 8 * (2 + moves) + 4
    return n * (2 * samples + matrices * n) + 4 * design.settings.permutations * permuted
