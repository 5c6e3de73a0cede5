"""The parts of scoring: each metric, a block for its parameters and its lines, and the protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from brainflix.evaluate.feature_params import FeaturesParams
from brainflix.evaluate.metric_params import FEATURES, LPIPS, About, MetricParams
from brainflix.evaluate.network_params import ClipParams, NwayParams, identification
from brainflix.evaluate.protocol_params import (
    BrainNetflixParams,
    GlfaParams,
    MindAnimatorParams,
    MindVideoParams,
    NeuronsParams,
    StrictParams,
)
from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.ranges import CORRELATION, DIFFERENCE, FROM_ZERO, RATE, TO_ONE, Range
from brainflix.parts.part import Fit, Part, Table

Lines = Mapping[str, About]
METRICS = "brainflix.evaluate.metrics"
# What identical frames count is the most.
DECIBEL: Range = (0.0, 100.0)
# A metric is given the clips of one table, which a recipe does not name.
PAIR = ("truth", "prediction")


class SsimParams(MetricParams):
    """Of which flavour the excess is made."""

    of: str = "ssim_rgb_u7"

    LINES: ClassVar[Lines] = {
        "ssim_excess": About(
            about="SSIM minus the same video's SSIM with other clips",
            primary=True,
            permuted=True,
            least_px=7,
            within=DIFFERENCE,
        ),
        "ssim_rgb_u7": About(about="SSIM, RGB, uniform 7 x 7 window", special=True, least_px=7, within=CORRELATION),
        "ssim_gray_g11": About(
            about="SSIM, luminance, gaussian 11 x 11 window", special=True, least_px=11, within=CORRELATION
        ),
        "ssim_gray_g11_columns": About(
            about="SSIM over single columns of pixels, the released accident",
            special=True,
            least_px=11,
            within=CORRELATION,
        ),
    }

    @classmethod
    def under(cls, protocol: Protocol, *, bug_compat: bool = False) -> Self:
        """Return the protocol's first flavour."""
        return cls(of=protocol.ssim[0])


class PixcorrParams(MetricParams):
    """Pixel correlation has no choices."""

    LINES: ClassVar[Lines] = {
        "pixcorr": About(about="Pearson correlation over pixels and channels", primary=True, within=CORRELATION)
    }


class PsnrParams(MetricParams):
    """PSNR has no choices."""

    LINES: ClassVar[Lines] = {
        "psnr": About(about="peak signal-to-noise ratio, mean of the frames' dB", unit="dB", within=DECIBEL),
        "psnr_pooled": About(
            about="peak signal-to-noise ratio of all frames of a clip together", unit="dB", within=DECIBEL
        ),
    }


class MseParams(MetricParams):
    """The mean squared difference has no choices."""

    LINES: ClassVar[Lines] = {
        "mse": About(about="mean squared difference, pixels in [0, 1]", higher_is_better=False, within=RATE)
    }


class HueParams(MetricParams):
    """Hue has no choices."""

    LINES: ClassVar[Lines] = {
        "hue_circ": About(about="cosine of the hue difference, weighted by saturation", within=CORRELATION),
        "hue_circ_corr": About(about="circular correlation of hue", asked=True, within=CORRELATION),
        "hue_cos": About(about="cosine of hue as published, first 6 frames; 0.75 by chance", special=True, within=RATE),
        "hue_cos_bgr": About(
            about="cosine of hue as released, red and blue swapped, first 6 frames; 0.75 by chance",
            special=True,
            within=RATE,
        ),
    }


def _error(about: str, unit: str, *, timed: bool = False, special: bool = False, within: Range = FROM_ZERO) -> About:
    return About(about=about, unit=unit, higher_is_better=False, frames=2, timed=timed, special=special, within=within)


def _neither(about: str, unit: str = "") -> About:
    """Return what a reader must know of a line of motion of which neither more nor less is better."""
    return About(about=about, unit=unit, higher_is_better=None, frames=2, within=FROM_ZERO)


class FlowParams(MetricParams):
    """Optical flow has no choices of its own; the protocol says how it takes luminance."""

    LINES: ClassVar[Lines] = {
        "flow_cosine": About(about="cosine of optical flow (Farneback)", primary=True, frames=2, within=CORRELATION),
        "epe": _error("end-point error of optical flow", "px/step"),
        "epe_static": _neither("that of a clip without motion", "px/step"),
        "epe_normalised": _error("end-point error in image diagonals per second", "diagonals/s", timed=True),
        "skill": About(about="1 - end-point error / that of a clip without motion", frames=2, within=TO_ONE),
        "speed_ratio": _neither("mean predicted over mean true speed, 1 is right"),
        "flow_cosine_matched": About(
            about="flow cosine beside that of clips of the same true speed", frames=2, within=CORRELATION
        ),
        "reversal_gain": About(
            about="flow cosine minus that of the prediction played backwards", frames=2, within=DIFFERENCE
        ),
        "angular_error": _error(
            "mean angle between flow vectors as published; a static clip gets 90",
            "degrees",
            special=True,
            within=(0.0, 180.0),
        ),
    }


class MotionEnergyParams(MetricParams):
    """Motion energy has no choices."""

    LINES: ClassVar[Lines] = {
        "motion_energy": About(
            about="correlation of motion energies, each channel z-scored over the true clips (pymoten)",
            frames=2,
            timed=True,
            package=("moten", "pymoten"),
            asked=True,
            within=CORRELATION,
        )
    }


class SmoothnessParams(MetricParams):
    """Smoothness has no choices."""

    LINES: ClassVar[Lines] = {
        "smoothness": About(
            about="end-point error beside that of shuffled frames: whether the prediction is smooth, no more",
            unit="px/step",
            higher_is_better=False,
            frames=3,
            asked=True,
            within=FROM_ZERO,
        )
    }


def _distance(said: str, key: str) -> About:
    about = f"1 - correlation with the truth's features, {said}"
    return About(about=about, weights=(key,), higher_is_better=False, within=(0.0, 2.0))


class DeepParams(MetricParams):
    """Deep features have no choices."""

    LINES: ClassVar[Lines] = {
        "identification_alex2": identification("AlexNet, second convolution", "alexnet"),
        "identification_alex5": identification("AlexNet, fifth convolution", "alexnet"),
        "identification_inception": identification("Inception v3, pooled", "inception"),
        "effnet_distance": _distance("EfficientNet-B1, pooled", "effnet"),
        "swav_distance": _distance("SwAV ResNet-50, pooled", "swav"),
    }


class LpipsParams(MetricParams):
    """LPIPS has no choices."""

    LINES: ClassVar[Lines] = {
        "lpips": About(
            about="LPIPS (alex, v0.1)", weights=(LPIPS,), higher_is_better=False, least_px=32, within=FROM_ZERO
        )
    }


def _raft(
    about: str, within: Range, unit: str = "", *, higher_is_better: bool | None = True, timed: bool = False
) -> About:
    return About(
        about=about,
        unit=unit,
        higher_is_better=higher_is_better,
        weights=("raft",),
        frames=2,
        timed=timed,
        least_px=128,
        multiple_px=8,
        within=within,
    )


class RaftParams(MetricParams):
    """RAFT has no choices."""

    LINES: ClassVar[Lines] = {
        "epe_raft": _raft("end-point error of RAFT flow", FROM_ZERO, "diagonals/s", higher_is_better=False, timed=True),
        "epe_raft_static": _raft("that of a still clip", FROM_ZERO, "diagonals/s", higher_is_better=None, timed=True),
        "skill_raft": _raft("1 - end-point error / that of a still clip, RAFT", TO_ONE),
        "flow_cosine_raft": _raft("cosine of RAFT flow", CORRELATION),
    }


def _of_sets(kind: str) -> About:
    about = f"{kind} distance of whole sets of clips, on given features; says nothing of decoding"
    return About(about=about, weights=(FEATURES,), clips=2, higher_is_better=False)


class SetsParams(MetricParams):
    """Distances of sets have no choices."""

    LINES: ClassVar[Lines] = {"fvd": _of_sets("Frechet"), "kvd": _of_sets("unbiased kernel")}


def _metric(target: str, params: type[MetricParams], summary: str, *cites: str) -> Part:
    return Part(f"{METRICS}.{target}", params, summary, needs=PAIR, cites=cites)


def _protocol(params: type, summary: str, paper: str) -> Part:
    return Part("brainflix.evaluate.artifacts:score", params, summary, needs=("videos", "truth"), cites=(paper,))


PARTS: Table = {
    "metric": {
        "ssim": _metric(
            "ssim:score", SsimParams, "structural similarity, and what it exceeds that with other clips", "wang2004ssim"
        ),
        "pixcorr": _metric("pixels:pixcorr", PixcorrParams, "correlation of pixels"),
        "psnr": _metric("pixels:psnr", PsnrParams, "peak signal-to-noise ratio"),
        "mse": _metric("pixels:mse", MseParams, "mean squared difference"),
        "hue": _metric("hue:score", HueParams, "agreement of hue"),
        "flow": _metric("flow:score", FlowParams, "agreement of optical flow", "farneback2003"),
        "motion-energy": _metric(
            "motion:energy", MotionEnergyParams, "agreement of motion energy", "adelson1985", "nishimoto2011"
        ),
        "smoothness": _metric("motion:smoothness", SmoothnessParams, "whether the prediction is smooth"),
        "nway": _metric("nway:score", NwayParams, "N-way accuracy of a classifier", "tong2022videomae"),
        "clip": _metric("clip:score", ClipParams, "what CLIP's networks say", "radford2021clip", "rasheed2023vificlip"),
        "deep": _metric("deep:score", DeepParams, "identification and distance by deep features"),
        "lpips": _metric("lpips:score", LpipsParams, "perceptual distance", "zhang2018lpips"),
        "raft": _metric("raft:score", RaftParams, "agreement of RAFT's flow", "teed2020raft"),
        "sets": _metric(
            "sets:score", SetsParams, "distances of whole sets of clips", "binkowski2018", "unterthiner2018"
        ),
    },
    "evaluate": {
        "strict": Part(
            "brainflix.evaluate.artifacts:score",
            StrictParams,
            "every number with chance, interval, p, baselines and ceiling",
            needs=("videos", "truth"),
            takes=("oracle", "baselines", "predictions", "targets", "transfer", "samples", "halves"),
            fit=Fit("brainflix.evaluate.ground:fit", reads=("truth", "oracle", "baselines"), kind="scores"),
        ),
        "features": Part(
            "brainflix.evaluate.features:score",
            FeaturesParams,
            "decoded features by dimension, without videos: r, chance, interval, p by shifts within runs",
            needs=("predictions", "targets"),
            takes=("group", "transfer"),
        ),
        "mindvideo": _protocol(
            MindVideoParams, "Mind-Video's published procedure, as `score` runs it", "chen2023mindvideo"
        ),
        "glfa": _protocol(GlfaParams, "GLFA's published procedure, as `score` runs it", "li2024glfa"),
        "mindanimator": _protocol(
            MindAnimatorParams, "Mind-Animator's published procedure, as `score` runs it", "lu2024mindanimator"
        ),
        "neurons": _protocol(NeuronsParams, "NEURONS' published procedure, as `score` runs it", "wang2025neurons"),
        "brainnetflix": _protocol(
            BrainNetflixParams, "Brain Netflix's published procedure, as `score` runs it", "fosco2024brainnetflix"
        ),
    },
}
