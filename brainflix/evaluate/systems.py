"""Videos under evaluation, and their class scores, pixels and flow as values of clips and of all pairings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray

from brainflix.evaluate import nway
from brainflix.evaluate.networks.video_classifier import VideoClassifier
from brainflix.evaluate.clip_pool import clip_pool
from brainflix.evaluate.permutations import mismatched_means
from brainflix.evaluate.video_metrics import METRICS, score_views
from brainflix.evaluate.views import ClipSet, View, sample_flow

Floats = NDArray[np.float64]
# Metrics of pixels and flow that the strict protocol prints, in the order of its table.
PIXELS_AND_MOTION = (
    "ssim_excess",
    "pixcorr",
    "flow_cosine",
    "ssim_rgb_u7",
    "ssim_gray_g11",
    "psnr",
    "hue_circ",
    "epe_normalised",
    "skill",
)
EXCESS_OF = "ssim_rgb_u7"


@dataclass(eq=False)
class System:
    """Videos of the same clips in the same order as the truth, with what the metrics derive from them.

    Attributes:
        name: for tables.
        frames: uint8 array of shape (n_clips, n_frames, H, W, 3).
        classifier: shared video classifier.
        fps_hz: frames per second.

    Scores are kept, so a system is always compared with the same truth.
    """

    name: str
    frames: np.ndarray
    classifier: VideoClassifier
    fps_hz: float
    _own: dict[str, Floats] = field(default_factory=dict, repr=False)
    _matrices: dict[str, Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def logits(self) -> np.ndarray:
        """Class scores, (n_clips, n_classes)."""
        return self.classifier.logits(self.frames)

    @cached_property
    def still(self) -> ClipSet:
        """The clips for their pairings by pixels."""
        # The setting `workers` is torch's number of threads; threads do not change the result.
        return ClipSet(self.frames, workers=torch.get_num_threads())

    @cached_property
    def moving(self) -> ClipSet:
        """The clips for their pairings by flow."""
        with clip_pool(torch.get_num_threads()) as pool:
            flows = list(pool.map(lambda frames: sample_flow(View(frames), 0), self.frames))
        rate = self.fps_hz / math.hypot(*self.frames.shape[2:4])
        return ClipSet(self.frames, np.stack(flows), rate, workers=torch.get_num_threads())

    def own(self, metric: str, truth: System) -> Floats:
        """Return each clip's value of a metric of pixels or flow against its own truth, (n_clips,)."""
        if not self._own:
            names = [name for name in PIXELS_AND_MOTION if name != "ssim_excess"]

            def score(frames: tuple[np.ndarray, np.ndarray]) -> dict[str, tuple[float, int]]:
                return score_views(names, *(View(each, fps_hz=self.fps_hz) for each in frames))

            with clip_pool(torch.get_num_threads()) as pool:
                found = list(pool.map(score, zip(truth.frames, self.frames, strict=True)))
            self._own.update({name: np.array([clip[name][0] for clip in found]) for name in names})
        return self._own[metric]

    def matrix(self, metric: str, truth: System) -> Floats:
        """Return a metric of pixels or flow for all pairings, (n_clips, n_clips)."""
        if metric not in self._matrices:
            known = METRICS[metric]
            if known.matrix is None:
                raise ValueError(f"{metric} has no pairings")
            sets = (truth.moving, self.moving) if known.motion else (truth.still, self.still)
            self._matrices[metric] = known.matrix(*sets)
        return self._matrices[metric]


Values = Callable[[System, System, np.ndarray], Floats]


@dataclass(frozen=True)
class VideoMetric:
    """A metric of the strict protocol's table.

    Attributes:
        name, about, unit, higher_is_better, primary: as of `video_metrics.Metric`.
        own: function of (system, truth, which pairs are mismatched) giving each clip's value, (n_clips,).
        matrix: function of the same giving those of all pairings, (n_clips, n_clips).
        chance: chance level from theory, NaN where there is none.
        is_rate: whether it is a rate of success between 0 and 1.
    """

    name: str
    about: str
    own: Values
    matrix: Values
    chance: float = math.nan
    primary: bool = False
    unit: str = ""
    higher_is_better: bool = True
    is_rate: bool = False


def strict_metrics(ways: Sequence[int], true_classes: Sequence[int] = (1,)) -> list[VideoMetric]:
    """Return the metrics of the strict protocol in the order of its table.

    Args:
        ways: choices n of the N-way accuracies.
        true_classes: how many of the truth's best classes count as right; the first is the one without a suffix.
    """
    found = [_nway_metric(n, g, g == true_classes[0]) for g in true_classes for n in ways]
    for name in PIXELS_AND_MOTION:
        known = METRICS[name]
        own: Values = partial(_own, name)
        matrix: Values = partial(_matrix, name)
        chance = math.nan
        if name == "ssim_excess":
            own, matrix, chance = _own_excess, _excess_matrix, 0.0
        found.append(
            VideoMetric(name, known.about, own, matrix, chance, known.primary, known.unit, known.higher_is_better)
        )
    return found


def _nway_metric(n: int, g: int, plain: bool) -> VideoMetric:
    classes = "one true class" if g == 1 else f"any of {g} true classes"
    about = f"{n}-way accuracy of the video classifier, {classes}, exact expectation"

    def matrix(system: System, truth: System, mismatched: np.ndarray) -> Floats:
        return nway.accuracy_matrix(system.logits, nway.truth_classes(truth.logits, g), n)

    def own(system: System, truth: System, mismatched: np.ndarray) -> Floats:
        return np.diagonal(matrix(system, truth, mismatched)).copy()

    name = f"nway_{n}" if plain else f"nway_{n}_g{g}"
    return VideoMetric(name, about, own, matrix, nway.chance(n, 1, g), primary=plain, is_rate=True)


def _own(name: str, system: System, truth: System, mismatched: np.ndarray) -> Floats:
    return system.own(name, truth)


def _matrix(name: str, system: System, truth: System, mismatched: np.ndarray) -> Floats:
    return system.matrix(name, truth)


def _own_excess(system: System, truth: System, mismatched: np.ndarray) -> Floats:
    return system.own(EXCESS_OF, truth) - mismatched_means(system.matrix(EXCESS_OF, truth), mismatched)


def _excess_matrix(system: System, truth: System, mismatched: np.ndarray) -> Floats:
    matrix = system.matrix(EXCESS_OF, truth)
    return matrix - mismatched_means(matrix, mismatched)[:, None]
