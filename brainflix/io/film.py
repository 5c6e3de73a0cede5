"""Decode a film or clip, every frame in order, and no damage passed over.

Every reader of films and clips comes through here. Decoders conceal what they cannot read: with one thread each frame
says whether it was repaired, with more it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from brainflix.errors import DataError, IntegrityError
from brainflix.io.container import container_of
from brainflix.io.film_clock import FilmClock
from brainflix.io.packets import Track, read_track
from brainflix.io.room import MAX_PIXELS

# Their decoders repair a frame and say so neither in the frame nor by an error, but in their log.
_TELL_THEIR_LOG = ("ffv1",)
Shown = tuple[av.VideoFrame, Fraction]


@dataclass
class Video:
    """A video that is open.

    Attributes:
        name: of the file.
        codec: of its pictures.
        clock: when frames are on screen; None where that of a single frame is not said.
        aspect: width of a pixel by its height.
        frames: each frame with its start in seconds of the container's clock.
        notes: what a reader must know; those on the number of frames come once all were taken.
    """

    name: str
    codec: str
    clock: FilmClock | None
    aspect: Fraction
    frames: Iterator[Shown]
    notes: dict[str, None] = field(default_factory=dict)


@contextmanager
def opened(path: Path) -> Iterator[Video]:
    """Open a video for decoding, every frame in order: headers and seeking cannot be trusted.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one, as soon as a frame shows it.
        DataError: what it shows cannot be told.
    """
    track = read_track(path)
    with container_of(path) as (container, stream):
        stream.thread_type, stream.thread_count = "NONE", 1
        codec = stream.codec_context
        codec.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        video = Video(path.name, str(codec.name), track.clock, aspect, iter(()), dict.fromkeys(track.notes))
        video.frames = _decoded(container, stream, track, video)
        yield video


def _decoded(container: Any, stream: Any, track: Track, video: Video) -> Iterator[Shown]:
    """Yield frames with their starts; refuse what a decoder repaired.

    Raises:
        IntegrityError: a frame is damaged, or absurdly large.
        DataError: frames differ in size, or come out of order.
    """
    frames, count, size, before = container.decode(stream), 0, None, None
    while True:
        frame, said = _next(frames, video.codec)
        if frame is None:
            break
        if frame.is_corrupt or said:
            why = f"the decoder repaired frame {count}"
            raise IntegrityError(f"{video.name} is damaged", why=why, next=f"make or fetch {video.name} again")
        size = size or (frame.width, frame.height)
        if (frame.width, frame.height) != size:
            what = f"the frames of {video.name} differ in size"
            raise DataError(what, why=f"{size[1]}x{size[0]} and {frame.height}x{frame.width}")
        start = _start(frame, count, track, video.name)
        if before is not None and start <= before:
            raise DataError(f"the frames of {video.name} come out of order", why=f"frame {count} is before another")
        yield frame, start
        count, before = count + 1, start
    if count < track.stated:
        # An edit list may leave frames out.
        video.notes[f"{video.name} states {track.stated} frames and gives {count}"] = None


def _start(frame: av.VideoFrame, count: int, track: Track, name: str) -> Fraction:
    if track.by_order and track.clock is not None:
        starts = track.clock.starts_s
        # A decoder that gives more frames than there are packets goes on at the same pace.
        more = count - len(starts) + 1
        return starts[count] if more <= 0 else starts[-1] + more * track.clock.last_s
    if frame.pts is None or frame.time_base is None:
        raise DataError(f"frame {count} of {name} has no time", next="encode it anew")
    return Fraction(frame.pts * frame.time_base)


def _next(frames: Iterator[av.VideoFrame], codec: str) -> tuple[av.VideoFrame | None, bool]:
    """Return the next frame, if there is one, and whether the decoder's log complains."""
    if codec not in _TELL_THEIR_LOG:
        return next(frames, None), False
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=True) as said:
            frame = next(frames, None)
    finally:
        av.logging.set_level(level)
    return frame, any(name == codec for _, name, _ in said)
