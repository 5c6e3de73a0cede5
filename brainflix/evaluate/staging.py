"""Bring clips to the frames and the size that a protocol compares, on disk: from a source to a scene.

Clips are read one at a time and their frames go to files, so that memory does not grow with the number of clips.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, IntegrityError, ResourceError, UsageError
from brainflix.evaluate import baselines
from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.clock import Timing, match_frames, regular
from brainflix.evaluate.flow import Grey
from brainflix.evaluate.protocols import Protocol, compared_size
from brainflix.evaluate.scene import ORACLE, PREDICTION, SAMPLE, TRUTH, Scene
from brainflix.evaluate.sources import Source
from brainflix.evaluate.staging_notes import SIDES, Said, Size, changes, named
from brainflix.evaluate.videos import Frames, Staged, VideoSet
from brainflix.io.clip_read import Clip
from brainflix.io.frames import resize
from brainflix.wording import count, format_bytes

Track = Callable[[Sequence[Any], str], Iterator[Any]]
BY_INDEX_NOTE = "frame rates are unknown: equal numbers of frames were matched by index"


@dataclass(frozen=True)
class Staging:
    """How clips are brought to a scene.

    Attributes:
        folder: for files; whoever gives it removes it.
        fps_truth, fps_prediction: frames per second, whatever the clips say; None takes what they say.
        grey: how optical flow takes luminance.
        workers: threads.
        track: counts clips.
        mean_frame: the training mean at this size and clock, where it is known already, (height, width, 3).
    """

    folder: Path
    fps_truth: float | None = None
    fps_prediction: float | None = None
    grey: Grey = "rgb"
    workers: int = 1
    track: Track = lambda items, what: iter(items)
    mean_frame: Callable[[Size], Frames | None] = lambda size: None


class _OtherSizeError(Exception):
    """A pair is compared at another size than those before it."""


def make_scene(source: Source, protocol: Protocol, how: Staging) -> Scene:
    """Read every pair and every further set, pick the frames, resize them, and write them below the folder.

    Raises:
        DataError, IntegrityError: a clip cannot be used, or is damaged; it is named.
        ResourceError: the disk is too small.
    """
    try:
        return _Stager(source, protocol, how, None).scene()
    except _OtherSizeError:
        # One table has one size: where clips differ, that of the protocol.
        return _Stager(source, protocol, how, (protocol.height, protocol.width)).scene()


class _Stager:
    """Stages one source at one size; None lets the first pair decide."""

    def __init__(self, source: Source, protocol: Protocol, how: Staging, size: Size | None) -> None:
        self.source, self.protocol, self.how = source, protocol, how
        self.size, self.is_mixed = size, size is not None
        self.said, self.files = Said(notes=dict.fromkeys(source.notes)), dict[str, Staged]()
        self.hashes, self.truth = list[bytes](), hashlib.sha256()

    def scene(self) -> Scene:
        """Return all clips as they are compared."""
        for row, name in enumerate(self.how.track(self.source.ids, "clips read")):
            try:
                self._pair(row, name)
            except (DataError, IntegrityError, UsageError) as error:
                raise named(error, name) from error
        self.said.close(len(self.source.ids))
        return self._made()

    def _pair(self, row: int, name: str) -> None:
        """Read and write one pair and the same clip of every further set."""
        clips, how = self.source.read(name), self.how
        timings = [_timing(clip, rate) for clip, rate in zip(clips, (how.fps_truth, how.fps_prediction), strict=True)]
        self._choose_size(clips)
        frames, indices = self._compared(clips, timings)
        self.said.hear(name, clips)
        digest = hashlib.sha256(frames[0].tobytes())
        self.truth.update(name.encode() + b"\0" + digest.digest())
        if np.array_equal(frames[0], frames[1]):
            self.said.equal.append(name)
        digest.update(frames[1].tobytes())
        self.hashes.append(digest.digest())
        self._write(row, TRUTH, frames[0], name)
        self._write(row, PREDICTION, frames[1], name)
        for other, read in self.source.others.items():
            clip = read(name)
            self.said.hear_one(other, name, clip)
            self._write(row, other, self._other(clip, timings[0], indices[0], other), name)

    def _choose_size(self, clips: tuple[Clip, Clip]) -> None:
        truth, prediction = ((int(clip.frames.shape[1]), int(clip.frames.shape[2])) for clip in clips)
        size = truth if self.source.own_size else compared_size(self.protocol, truth, prediction)
        if self.size is None:
            self.size = size
        elif size != self.size and not self.is_mixed:
            raise _OtherSizeError

    def _compared(
        self, clips: tuple[Clip, Clip], timings: Sequence[Timing]
    ) -> tuple[list[Frames], tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Return the frames of truth and prediction that are compared, and which they are."""
        assert self.size is not None
        if self.protocol.frame_rule == "clock" and all(timing.starts_s is None for timing in timings):
            self.said.notes[BY_INDEX_NOTE] = None
        indices = match_frames(self.protocol.frame_rule, timings[0], timings[1], self.protocol.n_frames)
        starts = timings[0].starts_s
        self.said.rates.append(None if starts is None else Timing(len(indices[0]), starts[indices[0]]).fps_hz)
        for side, clip, timing in zip(SIDES, clips, timings, strict=True):
            self.said.notes.update(dict.fromkeys(changes(side, clip, timing, self.size)))
        return [resize(clip.frames[index], *self.size) for clip, index in zip(clips, indices, strict=True)], indices

    def _other(self, clip: Clip, truth: Timing, met: NDArray[np.intp], name: str) -> Frames:
        """Return the frames of a further set that meet those of the truth."""
        assert self.size is not None
        timing = _timing(clip, None)
        at, own = match_frames(self.protocol.frame_rule, truth, timing, self.protocol.n_frames)
        if not np.array_equal(at, met):
            raise DataError(f"{name} meets other true frames than the prediction", why="it has other frames")
        return resize(clip.frames[own], *self.size)

    def _write(self, row: int, name: str, frames: Frames, clip: str) -> None:
        shape = (len(self.source.ids), *frames.shape)
        if not self.files:
            # A full disk kills a process that maps it; the blurred prediction comes in the end.
            check_room(self.how.folder, (3 + len(self.source.others)) * int(np.prod(shape)))
        if name not in self.files:
            file = self.how.folder / f"set{len(self.files)}{'' if self.is_mixed else '-own'}.u8"
            self.files[name] = Staged(file, shape)
        staged = self.files[name]
        if frames.shape != staged.shape[1:]:
            what = (
                f"clip {clip} has {count(len(frames), 'frame')} to compare, {self.source.ids[0]} has {staged.shape[1]}"
            )
            raise DataError(what, why="all clips of one table need the same number")
        staged[row] = frames

    def _made(self) -> Scene:
        assert self.size is not None
        n, (height, width) = len(self.hashes), self.size
        rank = np.empty(n, np.int64)
        rank[sorted(range(n), key=self.hashes.__getitem__)] = np.arange(n)
        given = {name: each.videos for name, each in self.files.items() if name not in SIDES}
        samples = tuple(given.pop(name) for name in tuple(given) if name.startswith(SAMPLE))
        oracle = given.pop(ORACLE, None)
        limit = (self.protocol.height, self.protocol.width)
        own_size = (self.protocol.own_size or self.source.own_size) and self.size != limit
        if own_size:
            self.said.notes[f"compared at the truth's own size, {width}x{height}"] = None
        return Scene(
            ids=self.source.ids,
            truth=self.files[TRUTH].videos,
            prediction=self.files[PREDICTION].videos,
            baselines={**self._trivial(), **given},
            oracle=oracle,
            samples=samples,
            shape=(self.files[TRUTH].shape[1], height, width),
            fps_hz=self.said.rate(),
            grey=self.how.grey,
            rank=rank,
            film=self.source.film,
            truth_sha256=self.truth.hexdigest(),
            own_size=own_size,
            codecs={side: sorted(self.said.codecs[side]) for side in SIDES},
            notes=tuple(self.said.notes),
        )

    def _trivial(self) -> dict[str, VideoSet]:
        """Return the baselines that are made of the two sides, and the training mean if there are training clips."""
        truth, prediction, n = self.files[TRUTH], self.files[PREDICTION], len(self.source.ids)
        derived = partial(_derive, truth=truth, prediction=prediction)
        # Blurring is slow and every network asks for it, so it is done once.
        soft = Staged(self.how.folder / f"blurred{'' if self.is_mixed else '-own'}.u8", prediction.shape)
        with clip_pool(self.how.workers) as pool:
            for row, clip in enumerate(in_order(pool, partial(derived, "blurred"), range(n))):
                soft[row] = clip
        found = {"grey": VideoSet(n, partial(derived, "grey"))}
        mean = self._mean_frame()
        if mean is not None:
            found["train_mean"] = VideoSet(n, lambda clip: baselines.still(mean, truth.shape[1:]))
        found["blurred"] = soft.videos
        for name in ("static_first", "truth_first"):
            found[name] = VideoSet(n, partial(derived, name))
        return found

    def _mean_frame(self) -> Frames | None:
        assert self.size is not None
        if self.source.training is None:
            return None
        known = self.how.mean_frame(self.size)
        if known is not None:
            return known
        (ids, read), size = self.source.training, self.size
        return baselines.mean_frame(VideoSet(len(ids), lambda row: resize(read(ids[row]).frames, *size)))


def _derive(name: str, clip: int, *, truth: Staged, prediction: Staged) -> Frames:
    """Return one clip of a baseline that is made of the two sides, (n_frames, height, width, 3)."""
    made = baselines.build(name, prediction=prediction[clip][None], truth=truth[clip][None])
    return np.asarray(made[0], np.uint8)


def _timing(clip: Clip, fps_hz: float | None) -> Timing:
    if fps_hz is None:
        return Timing(len(clip.frames), clip.starts_s, last_s=clip.last_s)
    return regular(len(clip.frames), fps_hz)


def check_room(folder: Path, needed: int) -> None:
    """Raise ResourceError if `folder` has not got `needed` bytes of room."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        what = f"{folder} has {format_bytes(free)} free, scoring needs {format_bytes(needed)}"
        raise ResourceError(what, next="set TMPDIR to a larger disk")
