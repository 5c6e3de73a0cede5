"""SSIM in two flavours, and what it exceeds that with other clips (docs/scoring.md, SSIM)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import ssim
from brainflix.evaluate.metric import ClipMetric, Excess, Found, MetricWork
from brainflix.evaluate.metrics.views import of_frames
from brainflix.evaluate.parts import SsimParams
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.ssim_columns import ssim_gray_g11_columns
from brainflix.evaluate.views import ClipSet, View

FLAVOURS = {"ssim_rgb_u7": ssim.RGB_U7, "ssim_gray_g11": ssim.GRAY_G11}


def score(params: SsimParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the flavours of SSIM, the excess of the one that `params` names, and the released accident."""
    flavours = {name: ClipMetric(partial(_own, each), partial(_pairs, each)) for name, each in FLAVOURS.items()}
    columns = ClipMetric(of_frames(partial(ssim_gray_g11_columns, bug_compat=True)))
    return {"ssim_excess": Excess(params.of), **flavours, "ssim_gray_g11_columns": columns}


def _own(flavour: ssim.Flavour, truth: View, prediction: View) -> NDArray[np.float64]:
    return ssim.compare(truth.prepared(flavour), prediction.prepared(flavour))


def _pairs(flavour: ssim.Flavour, truth: ClipSet, prediction: ClipSet) -> NDArray[np.float64]:
    return prediction.ssim(truth, flavour)
