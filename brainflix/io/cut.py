"""Cut a film into clips in one pass: every frame is decoded once, and only those that stand for a clip are converted.

Two rules say which frames these are. `onset`: those on screen at times that are evenly spaced from the clip's onset, as
`decode_at` takes them. `ends`: the first of the clip's N frames, the last, and evenly spaced ones between them (Brain
Netflix, docs/methods/brain-netflix.md, Frames), where N is counted while decoding and never read from a header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from brainflix.errors import DataError
from brainflix.io.display import shown
from brainflix.io.film import Video, opened
from brainflix.io.film_clock import on_grid
from brainflix.io.frames import evenly, resize
from brainflix.io.video import clock_of

Sampling = Literal["onset", "ends"]
# A film that was cut for one clip may be so much longer than clips are said to be, and counts with all its frames.
_TAIL_S = 1.0


@dataclass
class _Clip:
    """A clip while its film is decoded.

    Attributes:
        place: number of the clip.
        first, stop: the frames of the film that it may need, `stop` not among them.
        wanted: the frames that stand for it; None until it is known how many it has.
        limit: frames that it has if the film goes on until `stop`.
        seen: its frames so far, by their number in the film.
    """

    place: int
    first: int
    stop: int
    wanted: np.ndarray | None
    limit: int
    seen: dict[int, av.VideoFrame] = field(default_factory=dict)

    def take(self, number: int, frame: av.VideoFrame) -> None:
        """Keep a frame of the film if it may be needed."""
        if self.first <= number < self.stop and (self.wanted is None or number in self.wanted):
            self.seen[number] = frame


def cut(
    path: Path,
    onsets_s: Sequence[float],
    clip_s: float,
    n_frames: int,
    size_px: int,
    sampling: Sampling = "onset",
    notes: dict[str, None] | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number and frames, uint8 (n_frames, size_px, size_px, 3) RGB, of each clip once it has been decoded.

    Clips come in the order of their onsets; what is in memory is the decoded frames of the clips that overlap. A clip
    that has fewer frames than are asked for repeats its last one under `ends`.

    Args:
        path: the film.
        onsets_s: where each clip starts, in seconds.
        clip_s: how long a clip is, in seconds.
        n_frames: frames that stand for a clip.
        size_px: height and width after resizing; the aspect ratio is not kept.
        sampling: the rule, see the module.
        notes: takes what must be known of the film.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one.
        DataError: it ends before a clip does (`onset`) or starts (`ends`), or it cannot be told what it shows.
    """
    converter, said = VideoReformatter(), notes if notes is not None else {}
    with opened(path) as video:
        clock = clock_of(video)
        rate_hz = float(clock.rate_hz)
        if sampling == "onset":
            waiting = _by_time(onsets_s, clip_s, n_frames, rate_hz)
        else:
            waiting = _by_count(onsets_s, clip_s, rate_hz)
        count, last = 0, None
        for last in on_grid(video.frames, clock):
            for clip in waiting:
                if clip.first > count:
                    break
                clip.take(count, last)
            count += 1
            while waiting and waiting[0].stop <= count:
                done = waiting.pop(0)
                yield done.place, _convert(done, _chosen(done, done.limit, n_frames), converter, size_px, video, said)
        for clip in waiting:
            if last is not None:
                # A time that falls just after the last frame still shows it.
                clip.take(count, last)
            yield (
                clip.place,
                _convert(clip, _cut_short(clip, count, n_frames, video.name, rate_hz), converter, size_px, video, said),
            )
        said.update(video.notes)


def _by_time(onsets_s: Sequence[float], clip_s: float, n_frames: int, rate_hz: float) -> list[_Clip]:
    """Return the clips in the film's order, with the frames whose start is nearest to each time."""
    within = np.arange(n_frames) * clip_s / n_frames
    # A half goes to the later one, as a player shows it.
    wanted = np.floor((np.asarray(onsets_s)[:, None] + within) * rate_hz + 0.5).astype(int)
    clips = [_Clip(place, int(row[0]), int(row[-1]) + 1, row, 0) for place, row in enumerate(wanted)]
    return sorted(clips, key=lambda clip: clip.first)


def _by_count(onsets_s: Sequence[float], clip_s: float, rate_hz: float) -> list[_Clip]:
    """Return the clips in the film's order, with all frames from an onset to the next clip's."""
    first = np.floor(np.asarray(onsets_s) * rate_hz + 0.5).astype(int)
    stop = np.floor((np.asarray(onsets_s) + clip_s) * rate_hz + 0.5).astype(int)
    alone = len(first) == 1 and first[0] == 0
    tail = round(_TAIL_S * rate_hz) if alone else 0
    clips = [
        _Clip(n, int(a), int(b) + tail, None, int(b - a)) for n, (a, b) in enumerate(zip(first, stop, strict=True))
    ]
    return sorted(clips, key=lambda clip: clip.first)


def _chosen(clip: _Clip, count: int, n_frames: int) -> np.ndarray:
    """Return the film's frames (n_frames,) that stand for a clip of `count` frames."""
    return clip.first + evenly(count, n_frames) if clip.wanted is None else clip.wanted


def _cut_short(clip: _Clip, count: int, n_frames: int, name: str, rate_hz: float) -> np.ndarray:
    """Return the frames (n_frames,) of a clip that the film's end comes upon; the film has `count` frames.

    Raises:
        DataError: it ends too early.
    """
    there = max(0, count - clip.first)
    if clip.wanted is None and there:
        return _chosen(clip, there, n_frames)
    missing = [clip.first] if clip.wanted is None else [each for each in clip.wanted if each not in clip.seen]
    if missing:
        raise DataError(f"{name} ends before frame {missing[0]}", why=f"it has {count} frames, {rate_hz:g} a second")
    return _chosen(clip, there, n_frames)


def _convert(
    clip: _Clip, numbers: np.ndarray, converter: VideoReformatter, size_px: int, video: Video, said: dict[str, None]
) -> np.ndarray:
    """Return the frames of these numbers, uint8 (n_frames, size_px, size_px, 3)."""
    distinct, place = np.unique(numbers, return_inverse=True)
    rgb = []
    for number in distinct.tolist():
        pixels, notes = shown(clip.seen[number], converter, video.name)
        rgb.append(pixels)
        said.update({f"{video.name}: {note}": None for note in notes})
    # Pixels that are not square need no stretching first: the aspect ratio is not kept.
    return resize(np.stack(rgb), size_px, size_px)[place]
