"""Metrics of videos: what each is, its value for a clip, and its value for every pairing of a set.

Values of true pairs come from whole frames in double precision and are what is reported. Those of all pairings, true
ones among them, come from a sample of places in each frame, in single precision where that is enough; they make the
mismatched floor, the permuted chance level and p.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow, flow_errors, flow_pairs, hue, hue_pairs, pixel_pairs, pixels, ssim
from brainflix.evaluate.ssim_columns import ssim_gray_g11_columns
from brainflix.evaluate.views import ClipSet, View, flows_of

Floats = NDArray[np.float64]
FLAVOURS = {"ssim_rgb_u7": ssim.RGB_U7, "ssim_gray_g11": ssim.GRAY_G11}


Null = Literal["permuted", "matched", "signs"]


@dataclass(frozen=True)
class Metric:
    """A metric and what a reader must know of it.

    Attributes:
        name, about: for tables.
        own: its values for a (truth, prediction), an array of shape (n_values,), a value per frame or one in all;
            None where a clip alone has no value.
        matrix: its values for all pairings of (truths, predictions), (n_predictions, n_truths); None where there is
            nothing to permute.
        primary: whether headlines may use it.
        unit: "" for none.
        higher_is_better: which direction is good.
        motion: whether it is made of optical flow.
        timed: whether it needs the frame rate.
        special: whether only a protocol that names it has it.
        asked: whether it is scored only when asked for by name.
        null: what p is made of: permutation, permutation among clips of the same true speed, or the signs of the clips'
            values.
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
    null: Null = "permuted"


def _ssim(flavour: ssim.Flavour, truth: View, prediction: View) -> Floats:
    return ssim.compare(truth.prepared(flavour), prediction.prepared(flavour))


def _ssim_matrix(flavour: ssim.Flavour, truth: ClipSet, prediction: ClipSet) -> Floats:
    return prediction.ssim(truth, flavour)


def _of_frames(score: Callable[[pixels.Frames, pixels.Frames], Floats | float]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: np.atleast_1d(score(truth.frames, prediction.frames))


def _of_hue(score: Callable[[hue.Hue, hue.Hue], Floats]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: score(truth.hue, prediction.hue)


def _of_pixels(score: Callable[..., Floats]) -> Callable[[ClipSet, ClipSet], Floats]:
    return lambda truth, prediction: score(truth.pixels, prediction.pixels)


def _of_flow(score: Callable[..., Floats | float]) -> Callable[[View, View], Floats]:
    return lambda truth, prediction: np.atleast_1d(score(truth.flow[None], prediction.flow[None]))


def _flow_cosine(truth: View, prediction: View) -> Floats:
    return np.array([flow.flow_cosine(truth.flow, prediction.flow)])


def _cosine_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow.flow_cosine_matrix(*flows_of(truth, prediction))


def _angle_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow_pairs.angle_matrix(*flows_of(truth, prediction), workers=truth.workers)


def _skill_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return flow_pairs.skill_matrix(flows_of(truth, prediction)[0], prediction.end_point_errors(truth))


def _scaled_matrix(truth: ClipSet, prediction: ClipSet) -> Floats:
    return prediction.end_point_errors(truth) * truth.per_second


def _epe_per_second(truth: View, prediction: View) -> Floats:
    return flow_errors.epe_diagonals_per_second(truth.flow[None], prediction.flow[None], truth.fps_hz)


def _reversal_gain(truth: View, prediction: View) -> Floats:
    return _flow_cosine(truth, prediction) - flow.flow_cosine(truth.flow, prediction.backward_flow)


def _first_six(order: hue.Order) -> Callable[[View, View], Floats]:
    """Return the published cosine of hue, which reads six frames of eight (docs/scoring.md, Hue)."""
    return lambda truth, prediction: hue.hue_cos(truth.frames[:6], prediction.frames[:6], order)


_METRICS = (
    Metric("ssim_excess", "SSIM minus the same video's SSIM with other clips", None, None, primary=True),
    Metric(
        "pixcorr", "Pearson correlation over pixels and channels",
        _of_frames(pixels.pixcorr), _of_pixels(pixel_pairs.pixcorr_matrix), primary=True,
    ),
    Metric(
        "flow_cosine", "cosine of optical flow (Farneback)",
        _flow_cosine, _cosine_matrix, primary=True, motion=True,
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
        "flow_cosine_matched", "flow cosine, tested among clips of the same true speed",
        _flow_cosine, _cosine_matrix, motion=True, null="matched",
    ),
    Metric(
        "reversal_gain", "flow cosine minus that of the prediction played backwards",
        _reversal_gain, None, motion=True, null="signs",
    ),
    Metric(
        "motion_energy", "correlation of motion energies, each channel z-scored over the true clips (pymoten)",
        None, None, motion=True, timed=True, asked=True,
    ),
    Metric(
        "smoothness", "end-point error beside that of shuffled frames: whether the prediction is smooth, no more",
        None, None, False, "px/step", False, motion=True, asked=True,
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
