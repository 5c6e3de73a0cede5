"""Clips as metrics read them: one with what is derived from it, and a set of them sampled for its pairings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import flow_pairs, places, ssim
from brainflix.evaluate.flow import Flow, Grey, farneback
from brainflix.evaluate.hue import Hue, hue_of
from brainflix.evaluate.pixels import Floats, Frames, Videos
from brainflix.evaluate.ssim_pairs import ssim_matrix
from brainflix.scratch import give_back, zeros

# Places of each frame, or step of flow, at which all pairings are compared. Flow is smoothed over 15 pixels.
PIXEL_PLACES, FLOW_PLACES = 1024, 1024
# Clips of either side that are paired at once, so that what metrics derive from their samples is small.
TILE = 256


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
    """All clips of one system, sampled for their pairings; or some of them, for some of the pairings.

    Attributes:
        videos: n_clips clips, uint8.
        flow: array of shape (n_clips, n_steps, n_places, 2), pixels per step; None if no metric of motion is wanted.
        per_second: what turns pixels per step into image diagonals per second, NaN if unknown.
        seed: of the places.
        workers: threads.
        folder: takes what grows with the clips, which has room there; None holds it in memory.
        part: the set that these clips are of, and which of its they are; None if they are all.
    """

    videos: Videos
    flow: NDArray[np.float32] | None = field(default=None, repr=False)
    per_second: float = math.nan
    seed: int = 0
    workers: int = 1
    folder: Path | None = None
    part: tuple[ClipSet, slice] | None = field(default=None, repr=False)
    _matrices: dict[tuple[str, ClipSet], Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """Sampled pixels, array of shape (n_clips, n_frames, n_places, 3)."""
        if self.part is not None:
            whole, clips = self.part
            return whole.pixels[clips]
        return places.sample(self.videos, PIXEL_PLACES, self.seed, self.folder)

    def some(self, clips: slice) -> ClipSet:
        """Return some of the clips, which have no videos of their own."""
        return replace(
            self, flow=None if self.flow is None else self.flow[clips], part=(self, clips), videos=(), _matrices={}
        )

    def end_point_errors(self, truth: ClipSet) -> Floats:
        """Return the end-point error against every truth, (n_clips, n_truths), which several metrics read."""
        return self._kept("epe", truth, _end_point_errors)

    def ssim(self, truth: ClipSet, flavour: ssim.Flavour) -> Floats:
        """Return the SSIM with every truth, (n_clips, n_truths); windows of all clips are cut together."""
        return self._kept(flavour.name, truth, partial(_ssim, flavour))

    def let_go(self) -> None:
        """Let the system take the memory of what lies on disk."""
        for each in (self.flow, self.__dict__.get("pixels"), *self._matrices.values()):
            give_back(each)

    def _kept(self, name: str, truth: ClipSet, make: Callable[[ClipSet, ClipSet], Floats]) -> Floats:
        """Return a matrix that is made once, of all clips, by a function of truth and prediction."""
        if self.part is not None and truth.part is not None:
            (whole, rows), (truths, columns) = self.part, truth.part
            kept: Floats = whole._kept(name, truths, make)[rows, columns]
            return kept
        if (name, truth) not in self._matrices:
            self._matrices[name, truth] = make(truth, self)
        return self._matrices[name, truth]


def paired_rows(
    matrix: Callable[[ClipSet, ClipSet], Floats], truth: ClipSet, prediction: ClipSet
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Yield which predictions, and their scores (n_rows, n_truths) by a function of sets, a few pairings at a time."""
    for rows in tiles(len(prediction.videos)):
        some, found = prediction.some(rows), []
        for columns in tiles(len(truth.videos)):
            found.append(np.array(matrix(truth.some(columns), some)))
            truth.let_go()
            prediction.let_go()
        yield np.arange(rows.start, rows.stop), np.concatenate(found, axis=1)


def _end_point_errors(truth: ClipSet, prediction: ClipSet) -> Floats:
    found = zeros((len(prediction.videos), len(truth.videos)), np.float64, prediction.folder)
    for rows, columns in product(tiles(len(prediction.videos)), tiles(len(truth.videos))):
        pair = flows_of(truth.some(columns), prediction.some(rows))
        found[rows, columns] = flow_pairs.epe_matrix(*pair, workers=prediction.workers)
        for each in (found, truth.flow, prediction.flow):
            give_back(each)
    return found


def _ssim(flavour: ssim.Flavour, truth: ClipSet, prediction: ClipSet) -> Floats:
    return ssim_matrix(
        truth.videos,
        prediction.videos,
        flavour,
        seed=prediction.seed,
        workers=prediction.workers,
        folder=prediction.folder,
    )


def tiles(n_clips: int) -> list[slice]:
    """Return which clips are paired at once."""
    return [slice(start, min(start + TILE, n_clips)) for start in range(0, n_clips, TILE)]


def sample_flow(view: View, seed: int) -> NDArray[np.float32]:
    """Return a clip's flow at the places where pairings are compared, (n_steps, n_places, 2)."""
    return np.asarray(places.sample(view.flow[None], FLOW_PLACES, seed)[0], np.float32)


def flows_of(truth: ClipSet, prediction: ClipSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the sampled flow of both sets, which must have been taken."""
    if truth.flow is None or prediction.flow is None:
        raise ValueError("pairings of motion need the flow of both sets")
    return truth.flow, prediction.flow
