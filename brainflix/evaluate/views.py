"""Clips as metrics read them: one with what is derived from it, and a set of them sampled for its pairings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow_pairs, places, ssim
from brainflix.evaluate.flow import Flow, Grey, farneback
from brainflix.evaluate.hue import Hue, hue_of
from brainflix.evaluate.pixels import Floats, Frames, Videos

# Places of each frame, or step of flow, at which all pairings are compared. Flow is smoothed over 15 pixels.
PIXEL_PLACES, FLOW_PLACES = 1024, 1024


@dataclass(eq=False)
class View:
    """One clip and what metrics derive from it, each computed once.

    Attributes:
        frames: array of shape (n_frames, height, width, 3), uint8.
        grey: how optical flow takes luminance.
        fps_hz: frames per second, NaN if unknown.
    """

    frames: Frames
    grey: Grey = "rgb"
    fps_hz: float = math.nan
    _prepared: dict[str, ssim.Prepared] = field(default_factory=dict, repr=False)

    @cached_property
    def flow(self) -> Flow:
        """Optical flow, array of shape (n_frames - 1, height, width, 2), pixels per step."""
        return farneback(self.frames, self.grey)

    @cached_property
    def backward_flow(self) -> Flow:
        """Optical flow of the clip played backwards, of the shape of `flow`; it is not minus the flow in reverse."""
        return farneback(self.frames[::-1], self.grey)

    @cached_property
    def unlike(self) -> Frames:
        """All frames, or the one that all are equal to: most baselines stand still, and one frame is enough of them."""
        return self.frames[:1] if (self.frames == self.frames[:1]).all() else self.frames

    @cached_property
    def hue(self) -> Hue:
        """Hue of every pixel, arrays of shape (n_frames, height, width)."""
        hue, shape = hue_of(self.unlike), self.frames.shape[:3]
        return Hue(np.broadcast_to(hue.vector, shape), np.broadcast_to(hue.saturation, shape))

    def prepared(self, flavour: ssim.Flavour) -> ssim.Prepared:
        """Return what the clip brings to an SSIM of this flavour."""
        if flavour.name not in self._prepared:
            self._prepared[flavour.name] = ssim.prepare(self.unlike, flavour).repeated(len(self.frames))
        return self._prepared[flavour.name]


@dataclass(eq=False)
class ClipSet:
    """All clips of one system, sampled for their pairings.

    Attributes:
        videos: n_clips clips, uint8.
        flow: array of shape (n_clips, n_steps, n_places, 2), pixels per step; None if no metric of motion is wanted.
        per_second: what turns pixels per step into image diagonals per second, NaN if unknown.
        seed: of the places.
        workers: threads.
    """

    videos: Videos
    flow: NDArray[np.float32] | None = field(default=None, repr=False)
    per_second: float = math.nan
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
            self._errors[truth] = flow_pairs.epe_matrix(*flows_of(truth, self), workers=self.workers)
        return self._errors[truth]


def sample_flow(view: View, seed: int) -> NDArray[np.float32]:
    """Return a clip's flow at the places where pairings are compared, (n_steps, n_places, 2)."""
    return np.asarray(places.sample(view.flow[None], FLOW_PLACES, seed)[0], np.float32)


def flows_of(truth: ClipSet, prediction: ClipSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the sampled flow of both sets, which must have been taken."""
    if truth.flow is None or prediction.flow is None:
        raise ValueError("pairings of motion need the flow of both sets")
    return truth.flow, prediction.flow
