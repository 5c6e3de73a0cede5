"""LPIPS: a network for each pairing, so chance and p come from a sample of permutations (docs/scoring.md, LPIPS)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.design import Design, Orders
from brainflix.evaluate.metric import Found, Measured, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.permutations import permutation_test
from brainflix.evaluate.scene import PREDICTION, TRUTH, Scene
from brainflix.evaluate.videos import Frames, VideoSet

Floats = NDArray[np.float64]
# A network runs for each pairing; the smallest p is then 1 / 21.
N_ORDERS = 20


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
    n, orders = design.n_clips, sampled_orders(design, N_ORDERS)
    matrix = np.full((n, n), np.nan)
    own = {name: np.full(n, np.nan) for name in videos if name != TRUTH}
    for clip in track(range(n), "clips compared by LPIPS"):
        truth = videos[TRUTH][clip]
        for name, values in own.items():
            values[clip] = distance(truth, videos[name][clip]).mean()
        prediction = videos[PREDICTION][clip]
        for other in np.unique(orders[:, clip]):
            matrix[clip, other] = distance(videos[TRUTH][int(other)], prediction).mean()
    np.fill_diagonal(matrix, own[PREDICTION])
    return Measured(own, permutation_test(matrix, orders, higher_is_better=False))


def sampled_orders(design: Design, n_orders: int) -> Orders:
    """Return at most `n_orders` permutations without a true pair, (n_orders, n_clips), by seed."""
    if len(design.floor) <= n_orders:
        return design.floor
    generator = np.random.default_rng(design.settings.seed)
    return design.floor[np.sort(generator.choice(len(design.floor), n_orders, replace=False))]
