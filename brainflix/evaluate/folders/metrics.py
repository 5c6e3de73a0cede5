"""Metrics of any two sets of videos: of the true pairs clip by clip, and of listed pairings for their floor.

True pairs are scored in float64 and are what is reported; pairings come from `score_pairs` and from flow in float32,
true ones among them, so that an observed value and its null share their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, pixels, ssim
from brainflix.evaluate.pairs import FLAVOURS, score_pairs, tiles

Floats = NDArray[np.float64]
Pairs = NDArray[np.integer[Any]]
# Bytes of working form held at once while pairings are scored: preparing clips again for each block is what costs.
PIXEL_MEMORY_BYTES = 2**30
# The same of flow, and working copies of each flow.
FLOW_MEMORY_BYTES, FLOW_COPIES = 2**29, 6


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a metric; `motion` says that it is made of optical flow."""

    name: str
    about: str
    primary: bool = False
    unit: str = ""
    higher_is_better: bool = True
    motion: bool = False


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("ssim_excess", "SSIM minus the same video's SSIM with other clips", primary=True),
        Metric("pixcorr", "Pearson correlation over pixels and channels", primary=True),
        Metric("flow_cosine", "cosine of optical flow (Farneback)", primary=True, motion=True),
        Metric("ssim_rgb_u7", "SSIM, RGB, uniform 7 x 7 window"),
        Metric("ssim_gray_g11", "SSIM, luminance, gaussian 11 x 11 window"),
        Metric("psnr", "peak signal-to-noise ratio, mean of the frames' dB", unit="dB"),
        Metric("psnr_pooled", "peak signal-to-noise ratio of all frames of a clip together", unit="dB"),
        Metric("epe", "end-point error of optical flow", False, "px/step", higher_is_better=False, motion=True),
        Metric("epe_static", "that of a clip without motion", False, "px/step", higher_is_better=False, motion=True),
        Metric("skill", "1 - end-point error / that of a clip without motion", motion=True),
    )
}
PER_FRAME = {"psnr": pixels.psnr, "pixcorr": pixels.pixcorr}
# Known of the truth alone: there is nothing to re-pair.
WITHOUT_PAIRS = ("epe_static",)


@dataclass(eq=False)
class View:
    """One clip and what metrics derive from it, each computed once.

    Attributes:
        frames: array of shape (n_frames, height, width, 3), uint8.
        grey: how optical flow takes luminance.
    """

    frames: pixels.Frames
    grey: flow.Grey = "rgb"
    _prepared: dict[str, ssim.Prepared] = field(default_factory=dict, repr=False)

    @cached_property
    def flow(self) -> flow.Flow:
        """Optical flow, array of shape (n_frames - 1, height, width, 2), pixels per step."""
        return flow.farneback(self.frames, self.grey)

    def prepared(self, metric: str) -> ssim.Prepared:
        """Return what the clip brings to an SSIM of this flavour."""
        if metric not in self._prepared:
            self._prepared[metric] = ssim.prepare(self.frames, FLAVOURS[metric])
        return self._prepared[metric]


def score_clip(metric: str, truth: View, prediction: View) -> tuple[float, int]:
    """Score a prediction against its truth; return the clip's value and how many of its values are undefined.

    Args:
        metric: a name of METRICS except "ssim_excess", which needs other clips.
        truth: the true clip.
        prediction: the predicted clip, of the same shape.
    """
    if metric == "psnr_pooled":
        return pixels.psnr_pooled(truth.frames, prediction.frames), 0
    if METRICS[metric].motion:
        value = float(_motion(metric, truth.flow[None], prediction.flow[None])[0])
        return value, int(np.isnan(value))
    if metric in FLAVOURS:
        values = ssim.compare(truth.prepared(metric), prediction.prepared(metric))
    else:
        values = PER_FRAME[metric](truth.frames, prediction.frames)
    means, n_nan = pixels.clip_means(values[None])
    return float(means[0]), n_nan


def score_pixels(
    metric: str, truth: pixels.Videos, prediction: pixels.Videos, pairs: Pairs, *, workers: int = 1
) -> Floats:
    """Score listed pairings by a pixel metric.

    Args:
        metric: an SSIM, "psnr", "psnr_pooled" or "pixcorr".
        truth: n_clips clips.
        prediction: n_clips clips of the same shape.
        pairs: array of shape (n_pairs, 2), index of the prediction and of the truth.
        workers: threads.

    Returns:
        Array of shape (n_pairs,).
    """
    if metric == "psnr_pooled":
        error = score_pairs("mse", truth, prediction, pairs, workers=workers, memory_bytes=PIXEL_MEMORY_BYTES)
        return np.asarray(pixels.decibels(error * 255.0**2), np.float64)
    return score_pairs(metric, truth, prediction, pairs, workers=workers, memory_bytes=PIXEL_MEMORY_BYTES)


def score_motion(metrics: Sequence[str], truth: flow.Flow, prediction: flow.Flow, pairs: Pairs) -> dict[str, Floats]:
    """Score listed pairings by their flow, a block of clips at a time, so that flows may lie on disk.

    Args:
        metrics: of "flow_cosine", "epe" and "skill".
        truth: array of shape (n_clips, n_steps, height, width, 2), pixels per step.
        prediction: array of the same shape.
        pairs: array of shape (n_pairs, 2), index of the prediction and of the truth.

    Returns:
        By metric, array of shape (n_pairs,).
    """
    result = {metric: np.empty(len(pairs)) for metric in metrics}
    tile = max(1, FLOW_MEMORY_BYTES // (2 * FLOW_COPIES * truth[0].nbytes))
    for members in tiles(pairs, tile):
        rows, row = np.unique(pairs[members, 0], return_inverse=True)
        columns, column = np.unique(pairs[members, 1], return_inverse=True)
        # Both are consecutive or nearly so: a list of indices reads only these clips.
        true, predicted = np.asarray(truth[columns]), np.asarray(prediction[rows])
        if "flow_cosine" in result:
            result["flow_cosine"][members] = flow.flow_cosine_matrix(true, predicted)[row, column]
        if "epe" in result or "skill" in result:
            error = flow.epe_pairs(true, predicted, np.stack([row, column], axis=1))
            floor = flow.epe_static(true)[column]
            if "epe" in result:
                result["epe"][members] = error
            if "skill" in result:
                result["skill"][members] = 1.0 - flow.over_speed(error, floor)
    return result


_MOTION: dict[str, Callable[[flow.Flow, flow.Flow], Floats]] = {
    "flow_cosine": lambda truth, prediction: np.diagonal(flow.flow_cosine_matrix(truth, prediction)),
    "epe": flow.epe,
    "epe_static": lambda truth, prediction: flow.epe_static(truth),
    "skill": flow.skill,
}


def _motion(metric: str, truth: flow.Flow, prediction: flow.Flow) -> Floats:
    return _MOTION[metric](truth, prediction)
