"""Metrics of videos: what each is, its value for a clip, and its value for every pairing of a set.

Values of true pairs come from whole frames in double precision and are what is reported. Those of all pairings, true
ones among them, come from a sample of places in each frame, in single precision where that is enough; they make the
mismatched floor, the re-paired chance level and p.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, flow_errors, flow_pairs, hue, hue_pairs, pixel_pairs, pixels, places, ssim
from brainflix.evaluate.ssim_columns import ssim_gray_g11_columns
from brainflix.evaluate.ssim_pairs import ssim_matrix

Floats = NDArray[np.float64]
# Places of each frame, or step of flow, at which all pairings are compared. Flow is smoothed over 15 pixels.
PIXEL_PLACES, FLOW_PLACES = 4096, 1024
FLAVOURS = {"ssim_rgb_u7": ssim.RGB_U7, "ssim_gray_g11": ssim.GRAY_G11}


@dataclass(eq=False)
class View:
    """One clip and what metrics derive from it, each computed once.

    Attributes:
        frames: array of shape (n_frames, height, width, 3), uint8.
        grey: how optical flow takes luminance.
        fps_hz: frames per second, NaN if unknown.
    """

    frames: pixels.Frames
    grey: flow.Grey = "rgb"
    fps_hz: float = math.nan
    _prepared: dict[str, ssim.Prepared] = field(default_factory=dict, repr=False)

    @cached_property
    def flow(self) -> flow.Flow:
        """Optical flow, array of shape (n_frames - 1, height, width, 2), pixels per step."""
        return flow.farneback(self.frames, self.grey)

    @cached_property
    def hue(self) -> hue.Hue:
        """Hue of every pixel, arrays of shape (n_frames, height, width)."""
        return hue.hue_of(self.frames)

    def prepared(self, flavour: ssim.Flavour) -> ssim.Prepared:
        """Return what the clip brings to an SSIM of this flavour."""
        if flavour.name not in self._prepared:
            self._prepared[flavour.name] = ssim.prepare(self.frames, flavour)
        return self._prepared[flavour.name]


@dataclass(eq=False)
class ClipSet:
    """All clips of one system, sampled for their pairings.

    Attributes:
        videos: n_clips clips, uint8.
        flow: array of shape (n_clips, n_steps, n_places, 2), pixels per step; None if no metric of motion is wanted.
        per_second: array of shape (n_clips,), what turns pixels per step into image diagonals per second, NaN where
            unknown; None if no metric wants it.
        seed: of the places.
        workers: threads.
    """

    videos: pixels.Videos
    flow: NDArray[np.float32] | None = field(default=None, repr=False)
    per_second: Floats | None = field(default=None, repr=False)
    seed: int = 0
    workers: int = 1
    _errors: dict[ClipSet, Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """Sampled pixels, array of shape (n_clips, n_frames, n_places, 3)."""
        return places.sample(self.videos, PIXEL_PLACES, self.seed)

    def end_point_errors(self, truth: ClipSet) -> Floats:
        """Return the end-point error against every truth, (n_clips, n_truths), which several metrics read."""
        if truth not in self._errors:
            self._errors[truth] = flow_pairs.epe_matrix(*_flows(truth, self), workers=self.workers)
        return self._errors[truth]


def sample_flow(view: View, seed: int) -> NDArray[np.float32]:
    """Return a clip's flow at the places where pairings are compared, (n_steps, n_places, 2)."""
    return np.asarray(places.sample(view.flow[None], FLOW_PLACES, seed)[0], np.float32)


@dataclass(frozen=True)
class Metric:
    """A metric and what a reader must know of it.

    Attributes:
        name, about: for tables.
        own: its values for a (truth, prediction), an array of shape (n_values,), a value per frame or one in all;
            None where a clip alone has no value.
        matrix: its values for all pairings of (truths, predictions), (n_predictions, n_truths); None where there is
            nothing to re-pair.
        primary: whether headlines may use it.
        unit: "" for none.
        higher_is_better: which direction is good.
        motion: whether it is made of optical flow.
        timed: whether it needs the frame rate.
        special: whether only a protocol that names it has it.
        asked: whether it is scored only when asked for by name.
    """

    name: str
    about: str
    own: Callable[[View, View], Floats] | None
    matrix: Callable[[ClipSet, ClipSet], Floats] | None
    primary: bool = False
    unit: str = ""
    higher_is_better: bool = True
    motion: bool = False
    timed: bool = False
    special: bool = False
    asked: bool = False


def _ssim(flavour: ssim.Flavour, truth: View, prediction: View) -> Floats:
    return ssim.compare(truth.prepared(flavour), prediction.prepared(flavour))


def _ssim_matrix(flavour: ssim.Flavour, truth: ClipSet, prediction: ClipSet) -> Floats:
    return ssim_matrix(truth.videos, prediction.videos, flavour, seed=truth.seed, workers=truth.workers)


def _of_frames(score: Callable[[pixels.Frames, pixels.Frames], Floats | float]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: np.atleast_1d(score(truth.frames, prediction.frames))


def _of_hue(score: Callable[[hue.Hue, hue.Hue], Floats]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: score(truth.hue, prediction.hue)


def _of_pixels(score: Callable[..., Floats]) -> Callable[[ClipSet, ClipSet], Floats]:
    return lambda truth, prediction: score(truth.pixels, prediction.pixels)


def _of_flow(score: Callable[..., Floats | float]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: np.atleast_1d(score(truth.flow[None], prediction.flow[None]))


def _flows(truth: ClipSet, prediction: ClipSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if truth.flow is None or prediction.flow is None:
        raise ValueError("pairings of motion need the flow of both sets")
    return truth.flow, prediction.flow


def _cosine_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow.flow_cosine_matrix(*_flows(truth, prediction))


def _angle_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow_pairs.angle_matrix(*_flows(truth, prediction), workers=truth.workers)


def _skill_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    speed = flow.epe_static(_flows(truth, prediction)[0])
    error = prediction.end_point_errors(truth)
    return 1.0 - flow.over_speed(error, np.broadcast_to(speed, error.shape))


def _scaled_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    if truth.per_second is None:
        raise ValueError("end-point errors per second need the frame rate")
    return prediction.end_point_errors(truth) * truth.per_second


def _epe_per_second(truth: View, prediction: View) -> Floats:
    return flow_errors.epe_diagonals_per_second(truth.flow[None], prediction.flow[None], truth.fps_hz)


def _first_six(order: hue.Order) -> Callable[[View, View], Floats]:
    """Return the published cosine of hue, which reads six frames of eight (bug 5)."""
    return lambda truth, prediction: hue.hue_cos(truth.frames[:6], prediction.frames[:6], order)


_METRICS = (
    Metric("ssim_excess", "SSIM minus the same video's SSIM with other clips", None, None, primary=True),
    Metric(
        "pixcorr", "Pearson correlation over pixels and channels",
        _of_frames(pixels.pixcorr), _of_pixels(pixel_pairs.pixcorr_matrix), primary=True,
    ),
    Metric(
        "flow_cosine", "cosine of optical flow (Farneback)",
        _of_flow(lambda f, g: np.diagonal(flow.flow_cosine_matrix(f, g))), _cosine_matrix, primary=True, motion=True,
    ),
    Metric(
        "ssim_rgb_u7", "SSIM, RGB, uniform 7 x 7 window",
        partial(_ssim, ssim.RGB_U7), partial(_ssim_matrix, ssim.RGB_U7), special=True,
    ),
    Metric(
        "ssim_gray_g11", "SSIM, luminance, gaussian 11 x 11 window",
        partial(_ssim, ssim.GRAY_G11), partial(_ssim_matrix, ssim.GRAY_G11), special=True,
    ),
    Metric(
        "ssim_gray_g11_columns", "SSIM over single columns of pixels, the released accident",
        _of_frames(partial(ssim_gray_g11_columns, bug_compat=True)), None, special=True,
    ),
    Metric(
        "psnr", "peak signal-to-noise ratio, mean of the frames' dB",
        _of_frames(pixels.psnr), _of_pixels(pixel_pairs.psnr_matrix), unit="dB",
    ),
    Metric(
        "psnr_pooled", "peak signal-to-noise ratio of all frames of a clip together",
        _of_frames(pixels.psnr_pooled), _of_pixels(pixel_pairs.psnr_pooled_matrix), unit="dB",
    ),
    Metric(
        "mse", "mean squared difference, pixels in [0, 1]",
        _of_frames(pixels.mse), _of_pixels(pixel_pairs.mse_matrix), higher_is_better=False,
    ),
    Metric(
        "hue_circ", "cosine of the hue difference, weighted by saturation",
        _of_hue(hue.circ), _of_pixels(hue_pairs.hue_circ_matrix),
    ),
    Metric(
        "hue_circ_corr", "circular correlation of hue",
        _of_hue(hue.circ_corr), None, asked=True,
    ),
    Metric(
        "hue_cos", "cosine of hue as published, first 6 frames; 0.75 by chance",
        _first_six("rgb"), _of_pixels(lambda f, g: hue_pairs.hue_cos_matrix(f[:, :6], g[:, :6], "rgb")), special=True,
    ),
    Metric(
        "hue_cos_bgr", "cosine of hue as released, red and blue swapped, first 6 frames; 0.75 by chance",
        _first_six("bgr"), _of_pixels(lambda f, g: hue_pairs.hue_cos_matrix(f[:, :6], g[:, :6], "bgr")), special=True,
    ),
    Metric(
        "epe", "end-point error of optical flow", _of_flow(flow.epe),
        lambda truth, prediction: prediction.end_point_errors(truth), False, "px/step", False, motion=True,
    ),
    Metric(
        "epe_static", "that of a clip without motion", _of_flow(lambda f, g: flow.epe_static(f)),
        None, False, "px/step", False, motion=True,
    ),
    Metric(
        "epe_normalised", "end-point error in image diagonals per second", _epe_per_second,
        _scaled_matrix, False, "diagonals/s", False, motion=True, timed=True,
    ),
    Metric(
        "skill", "1 - end-point error / that of a clip without motion", _of_flow(flow.skill), _skill_matrix,
        motion=True,
    ),
    Metric(
        "speed_ratio", "mean predicted over mean true speed, 1 is right", _of_flow(flow.speed_ratio), None, motion=True,
    ),
    Metric(
        "angular_error", "mean angle between flow vectors as published; a static clip gets 90",
        _of_flow(flow_errors.angular_error), _angle_matrix, False, "degrees", False, motion=True, special=True,
    ),
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}


def score_views(names: Iterable[str], truth: View, prediction: View) -> dict[str, tuple[float, int]]:
    """Score one clip.

    Args:
        names: of METRICS, all but "ssim_excess", which needs other clips.
        truth: the true clip.
        prediction: the predicted clip, of the same shape.

    Returns:
        By metric, the mean of its defined values (NaN if none is) and how many are undefined.
    """
    found = {}
    for name in names:
        own = METRICS[name].own
        if own is None:
            raise ValueError(f"{name} needs other clips")
        means, n_nan = pixels.clip_means(own(truth, prediction)[None])
        found[name] = float(means[0]), n_nan
    return found
