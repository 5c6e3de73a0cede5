"""LPIPS: a network for each pairing, so chance and p come from a sample of permutations (docs/scoring.md, LPIPS)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.blocks import defined_mean
from brainflix.evaluate.design import Design
from brainflix.evaluate.exchanges import Exchanged
from brainflix.evaluate.metric import Found, Measured, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.permutations import mismatched_means
from brainflix.evaluate.scene import PREDICTION, TRUTH, Scene
from brainflix.evaluate.videos import Frames, VideoSet

Floats = NDArray[np.float64]
# A network runs for each pairing, so that few exchanges are drawn; the smallest p is then 0.005. Strangers of each clip
# that chance is made of.
N_EXCHANGES, N_STRANGERS = 199, 20


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return LPIPS with AlexNet."""
    from brainflix.evaluate.networks.vision import perceptual_distance

    distance = work.kept.remembering(perceptual_distance(work.audience.compute()), "lpips")
    return {"lpips": perceptual(inputs.sets, distance, work.design, work.track)}


def perceptual(
    videos: Mapping[str, VideoSet],
    distance: Callable[[Frames, Frames], Floats],
    design: Design,
    track: Callable[..., Iterable[Any]],
) -> Measured:
    """Score a distance between frames, mean over frames.

    Args:
        videos: the video sets by name.
        distance: of frames (n_frames, height, width, 3) of a truth and a prediction, array of shape (n_frames,).
        design: who meets whom.
        track: counts clips.
    """
    n = design.n_clips
    group = replace(design.exchanges, most=min(N_EXCHANGES, design.exchanges.most))
    met, strangers = np.eye(n, dtype=bool), np.zeros((n, n), bool)
    if design.permutes:
        met = group.pairs(n)
        for clip in range(n):
            strangers[clip, design.strangers.few(clip, N_STRANGERS)] = True
    matrix = np.full((n, n), np.nan)
    own = {name: np.full(n, np.nan) for name in videos if name != TRUTH}
    for clip in track(range(n), "clips compared by LPIPS"):
        truth = videos[TRUTH][clip]
        for name, values in own.items():
            values[clip] = distance(truth, videos[name][clip]).mean()
        prediction = videos[PREDICTION][clip]
        for other in np.flatnonzero((met | strangers)[clip]):
            if other != clip:
                matrix[clip, other] = distance(videos[TRUTH][int(other)], prediction).mean()
    np.fill_diagonal(matrix, own[PREDICTION])
    tested = Exchanged(group)
    tested.add(np.arange(n), matrix)
    chance = defined_mean(mismatched_means(matrix, strangers))
    return Measured(own, replace(tested.result(higher_is_better=False), chance=chance))
