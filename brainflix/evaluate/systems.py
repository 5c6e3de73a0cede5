"""Videos under evaluation and its metrics as matrices: prediction i against truth j, true pairs on the diagonal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch

from brainflix.evaluate import flow, nway, pairs
from brainflix.evaluate.classifier import VideoClassifier

Matrix = np.ndarray
PIXEL_METRICS = {"ssim": "ssim_rgb_u7", "pixcorr": "pixcorr", "psnr": "psnr"}


@dataclass
class System:
    """Videos of the same clips in the same order as the truth, with what the metrics derive from them.

    Attributes:
        name: for tables.
        frames: uint8 array of shape (n_clips, n_frames, H, W, 3).
        classifier: shared video classifier.
        pixel_scores: SSIM and its like by metric and number of pairs, since two metrics read the same SSIM.
    """

    name: str
    frames: np.ndarray
    classifier: VideoClassifier
    pixel_scores: dict[tuple[str, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def logits(self) -> np.ndarray:
        """Class scores, (n_clips, n_classes)."""
        return self.classifier.logits(self.frames)

    @cached_property
    def flow(self) -> np.ndarray:
        """Optical flow, (n_clips, n_steps, H, W, 2)."""
        return np.stack([flow.farneback(video) for video in self.frames])


@dataclass(frozen=True)
class VideoMetric:
    """A metric of videos.

    Attributes:
        name, about: for tables.
        matrix: function of (prediction, truth, pairs to evaluate) giving (n_clips, n_clips), NaN where not evaluated.
        chance: chance level from theory, NaN where there is none.
        primary: whether headlines may use it.
        mismatched: whether the value of the true pairs itself needs the mismatched ones.
        is_rate: whether it is a rate of success between 0 and 1.
    """

    name: str
    about: str
    matrix: Callable[[System, System, np.ndarray], Matrix]
    chance: float
    primary: bool
    mismatched: bool = False
    is_rate: bool = False


def video_metrics(ways: tuple[int, ...]) -> list[VideoMetric]:
    """Return the metrics of the strict protocol in the order of its table."""
    semantic = [
        VideoMetric(
            f"nway_{n}",
            f"{n}-way accuracy of the video classifier, one ground-truth class, exact expectation",
            partial(_nway, n),
            nway.chance(n),
            True,
            is_rate=True,
        )
        for n in ways
    ]
    return [
        *semantic,
        VideoMetric("ssim_excess", "SSIM minus the same video's SSIM with other clips", _ssim_excess, 0.0, True, True),
        VideoMetric("pixcorr", "Pearson correlation over pixels and channels", _pixel("pixcorr"), np.nan, True),
        VideoMetric("flow_cosine", "cosine of optical flow (Farneback)", _flow, np.nan, True),
        VideoMetric("ssim", "SSIM, RGB, uniform 7 x 7 window", _pixel("ssim"), np.nan, False),
        VideoMetric("psnr", "peak signal-to-noise ratio in dB, mean of frames", _pixel("psnr"), np.nan, False),
    ]


def _nway(n: int, system: System, truth: System, wanted: np.ndarray) -> Matrix:
    return nway.accuracy_matrix(system.logits, nway.truth_classes(truth.logits, 1), n)


def _flow(system: System, truth: System, wanted: np.ndarray) -> Matrix:
    return flow.flow_cosine_matrix(truth.flow, system.flow)


def _pixel(name: str) -> Callable[[System, System, np.ndarray], Matrix]:
    def matrix(system: System, truth: System, wanted: np.ndarray) -> Matrix:
        key = (name, len(wanted))
        if key not in system.pixel_scores:
            # The setting `workers` is torch's number of threads; threads do not change the result.
            system.pixel_scores[key] = pairs.score_pairs(
                PIXEL_METRICS[name], truth.frames, system.frames, wanted, workers=torch.get_num_threads()
            )
        return pairs.to_matrix(system.pixel_scores[key], wanted, len(truth.frames))

    return matrix


def _ssim_excess(system: System, truth: System, wanted: np.ndarray) -> Matrix:
    return pairs.excess(_pixel("ssim")(system, truth, wanted))
