"""Open a video: formats that are allowed, the stream that a player shows, its clock, and no damage passed over.

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
from av.error import FFmpegError

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.damage import unreadable
from brainflix.io.film_clock import FilmClock, read_clock
from brainflix.io.nal_units import CODECS, are_whole, bytes_of_length
from brainflix.io.room import MAX_PIXELS, check_picture
from brainflix.io.whole import check_whole

# Containers of one file. Play lists, patterns of pictures and devices open other files, or none.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,ivf,yuv4mpegpipe"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}
# Their decoders repair a frame and say so neither in the frame nor by an error, but in their log.
_TELL_THEIR_LOG = ("ffv1",)
# Containers whose pictures have a number and no time of their own.
_COUNTED = ("avi",)
# A container may round its length, or state that of a last frame otherwise.
_SHORT_FRAMES, _SHORT_S = 1.5, 0.1
_LONGEST_S = 24 * 3600
# Containers that state their length; that of others is an estimate.
_STATE_LENGTH = ("mov", "matroska", "avi", "flv")
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


@dataclass(frozen=True)
class Track:
    """What the packets of a video say, without decoding: its clock, how many pictures there are, what to note."""

    clock: FilmClock | None
    stated: int
    by_order: bool
    notes: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[Video]:
    """Open a video for decoding, every frame in order: headers and seeking cannot be trusted.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one, as soon as a frame shows it.
        DataError: what it shows cannot be told.
    """
    track = read_track(path)
    try:
        with av.open(str(path), options=_OPTIONS, metadata_errors="replace") as container:
            stream = _stream(container, path.name)
            stream.thread_type, stream.thread_count = "NONE", 1
            codec = stream.codec_context
            codec.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
            aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
            video = Video(path.name, str(codec.name), track.clock, aspect, iter(()), dict.fromkeys(track.notes))
            video.frames = _decoded(container, stream, track, video)
            yield video
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def read_track(path: Path) -> Track:
    """Read when the pictures of a video are shown, by the packets that are there and not by its header.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or one that is shorter than it says.
        DataError: there is no video in it, or its pictures have no time.
    """
    if not path.is_file():
        raise MissingError(f"no video at {path}")
    check_whole(path)
    try:
        with av.open(str(path), options=_OPTIONS, metadata_errors="replace") as container:
            return _track(container, path.name)
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def _track(container: Any, name: str) -> Track:
    stream = _stream(container, name)
    tick, by_order = Fraction(stream.time_base or 0), container.format.name in _COUNTED
    shown: list[tuple[int | None, int | None, int | None]] = []
    codec = stream.codec_context
    in_units, length_bytes = codec.name in CODECS, bytes_of_length(codec.name, codec.extradata)
    stop, n_left_out = 0.0, 0
    for packet in container.demux():
        if not packet.size:
            continue
        at = packet.dts if packet.pts is None else packet.pts
        if at is not None and packet.time_base:
            stop = max(stop, float((at + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != stream.index:
            continue
        if packet.is_corrupt or (in_units and not are_whole(bytes(packet), length_bytes)):
            why = f"the data of picture {len(shown)} cannot be"
            raise IntegrityError(f"{name} is damaged", why=why, next=f"make or fetch {name} again")
        n_left_out += packet.is_discard
        if not packet.is_discard:
            shown.append((packet.pts, packet.dts, packet.duration))
    if not shown:
        raise DataError(f"{name} holds no frame")
    stated = int(stream.frames) - n_left_out
    rates = (stream.average_rate, stream.base_rate, stream.guessed_rate)
    stamps = _stamps(shown, by_order)
    notes = _notes(container, stream, name)
    if stamps is None or not tick:
        steady = _by_rate(len(shown), rates, name)
        return Track(steady, stated, True, (*notes, f"frames of {name} have no times: its stated rate was taken"))
    last = dict(zip((pts if not by_order else dts for pts, dts, _ in shown), (each[2] for each in shown), strict=True))
    clock = read_clock(stamps, tick, last[stamps[-1]] or None, rates)
    _check_length(container, clock, stop, name)
    return Track(clock, stated, by_order, (*notes, *_late(container, clock, name)))


def _stamps(shown: list[tuple[int | None, int | None, int | None]], by_order: bool) -> list[int] | None:
    """Return when pictures start, ascending, in ticks; None where that is not said of each, or of two at once."""
    stamps = [dts if by_order else pts for pts, dts, _ in shown]
    known = sorted(each for each in stamps if each is not None)
    return known if len(set(known)) == len(shown) else None


def _by_rate(n_frames: int, rates_hz: tuple[Fraction | None, ...], name: str) -> FilmClock:
    rate = next((Fraction(rate) for rate in rates_hz if rate), None)
    if rate is None:
        raise DataError(f"{name} says neither when its frames are shown nor at what rate")
    return FilmClock(tuple(k / rate for k in range(n_frames)), 1 / rate, rate, is_constant=True)


def _check_length(container: Any, clock: FilmClock | None, stop_s: float, name: str) -> None:
    """Refuse a video that states a longer time than what is in it lasts, or than anybody would watch.

    Raises:
        IntegrityError: it does.
    """
    if clock is not None and clock.duration_s > _LONGEST_S:
        raise IntegrityError(f"{name} lasts {clock.duration_s / 3600:.0f} hours by its own clock")
    if container.format.name.partition(",")[0] not in _STATE_LENGTH:
        return
    stated = (container.duration or 0) / av.time_base
    first = (container.start_time or 0) / av.time_base
    frame_s = 0.0 if clock is None else max(float(1 / clock.rate_hz), float(clock.last_s))
    there = max(stop_s, stop_s - first)
    if stated - there > max(_SHORT_FRAMES * frame_s, _SHORT_S):
        why = f"it says that it lasts {stated:.2f} s, and what is in it ends at {there:.2f} s"
        raise IntegrityError(f"{name} breaks off", why=why, next=f"make or fetch {name} again")


def _late(container: Any, clock: FilmClock | None, name: str) -> tuple[str, ...]:
    """Return a note if other streams of a video, such as its sound, begin more than a frame before its pictures."""
    if clock is None or container.start_time is None:
        return ()
    late = float(clock.starts_s[0]) - container.start_time / av.time_base
    if late <= _SHORT_FRAMES / float(clock.rate_hz):
        return ()
    return (f"pictures of {name} begin {late:.2f} s after the rest of it: times count from its first picture",)


def _stream(container: Any, name: str) -> Any:
    """Return the stream of pictures that a player shows: no cover, and the default one where there are several.

    Raises:
        DataError: there is none, or nobody here can decode it.
        IntegrityError: it states an absurd size.
    """
    streams = _moving(container)
    if not streams:
        raise DataError(f"cannot decode {name}", why="there is no video in it")
    stream = _chosen(container, streams)
    if stream.codec_context is None:
        raise DataError(f"cannot decode {name}", why="its codec is unknown", next="encode it as H.264, or lossless")
    check_picture(stream.codec_context.width, stream.codec_context.height, name)
    return stream


def _moving(container: Any) -> list[Any]:
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & still]


def _chosen(container: Any, streams: list[Any]) -> Any:
    default = [stream for stream in streams if stream.disposition & av.stream.Disposition.default]
    if default:
        return default[0]
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def _notes(container: Any, stream: Any, name: str) -> tuple[str, ...]:
    """Return what must be known of the stream that was taken.

    Raises:
        DataError: it is transparent in a way that decoders do not read.
    """
    if stream.metadata.get("alpha_mode") == "1":
        raise DataError(f"{name} is transparent", why="how is kept beside its pictures", next="save it opaque")
    several = _moving(container)
    if len(several) == 1:
        return ()
    return (f"{name} has {len(several)} videos in it: number {several.index(stream) + 1} was taken",)


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


def _unreadable(path: Path, error: FFmpegError) -> IntegrityError:
    foreign = isinstance(error, av.error.ArgumentError)
    words = "it is in no format of videos that is read here" if foreign else str(error.strerror or error)
    return unreadable(path.name, ValueError(words), f"make or fetch {path.name} again", path)
