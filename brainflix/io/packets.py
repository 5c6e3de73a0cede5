"""What the packets of a video say, without decoding: when its pictures are shown, and whether they can be whole."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.container import container_of, moving
from brainflix.io.film_clock import FilmClock, read_clock
from brainflix.io.nal_units import CODECS, are_whole, bytes_of_length
from brainflix.io.whole import check_whole

# Containers whose pictures have a number and no time of their own.
_COUNTED = ("avi",)
# A container may round its length, or state that of a last frame otherwise.
_SHORT_FRAMES, _SHORT_S = 1.5, 0.1
_LONGEST_S = 24 * 3600
# Containers that state their length; that of others is an estimate.
_STATE_LENGTH = ("mov", "matroska", "avi", "flv")


@dataclass(frozen=True)
class Track:
    """What the packets of a video say.

    Attributes:
        clock: when frames are on screen; None where that of a single frame is not said.
        stated: frames that the container names, without those that it leaves out.
        by_order: whether frames have the times of the clock in their order, and none of their own.
        notes: what a reader must know.
    """

    clock: FilmClock | None
    stated: int
    by_order: bool
    notes: tuple[str, ...]


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
    with container_of(path) as (container, stream):
        return _track(container, stream, path.name)


def _track(container: Any, stream: Any, name: str) -> Track:
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
            why = f"the data of picture {len(shown)} break the rules of its format"
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
        why = f"it breaks off: it says that it lasts {stated:.2f} s, and what is in it ends at {there:.2f} s"
        raise IntegrityError(f"cannot read {name}", why=why, next=f"make or fetch {name} again")


def _late(container: Any, clock: FilmClock | None, name: str) -> tuple[str, ...]:
    """Return a note if other streams of a video, such as its sound, begin more than a frame before its pictures."""
    if clock is None or container.start_time is None:
        return ()
    late = float(clock.starts_s[0]) - container.start_time / av.time_base
    if late <= _SHORT_FRAMES / float(clock.rate_hz):
        return ()
    return (f"pictures of {name} begin {late:.2f} s after the rest of it: times count from its first picture",)


def _notes(container: Any, stream: Any, name: str) -> tuple[str, ...]:
    """Return what must be known of the stream that was taken.

    Raises:
        DataError: it is transparent in a way that decoders do not read.
    """
    if stream.metadata.get("alpha_mode") == "1":
        raise DataError(f"{name} is transparent", why="how is kept beside its pictures", next="save it opaque")
    several = moving(container)
    if len(several) == 1:
        return ()
    return (f"{name} has {len(several)} videos in it: number {several.index(stream) + 1} was taken",)
