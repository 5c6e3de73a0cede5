"""Decode and encode video with PyAV: uint8 RGB frames in memory, times in seconds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from brainflix.errors import DataError
from brainflix.io.display import shown
from brainflix.io.film import Video, opened
from brainflix.io.film_clock import FilmClock, on_grid
from brainflix.io.packets import read_track

# Largest denominator of a frame rate, so that the container's duration is the frames over the rate.
_FINEST_RATE = 1001


def decode_at(path: Path, times_s: np.ndarray) -> np.ndarray:
    """Decode the frames that are on screen at the given times.

    Every frame is decoded in order, because headers and seeking cannot be trusted; only those asked for are converted.

    Args:
        path: a video file.
        times_s: ascending times of shape (n,) in seconds from the start.

    Returns:
        uint8 array of shape (n, height, width, 3), RGB.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one.
        DataError: it ends more than a frame before the last time, or it cannot be told what it shows.
    """
    with opened(path) as video:
        clock = clock_of(video)
        # The place of the grid that is nearest; a half goes to the later one, as a player shows it.
        wanted = np.floor(np.asarray(times_s) * float(clock.rate_hz) + 0.5).astype(int)
        frames = _pick(on_grid(video.frames, clock), set(wanted.tolist()), path.name)
    if missing := set(wanted.tolist()) - set(frames):
        raise DataError(f"{path.name} ends before frame {min(missing)}", why=f"asked for {times_s[-1]:.2f} s")
    return np.stack([frames[index] for index in wanted.tolist()])


def clock_of(video: Video) -> FilmClock:
    """Return the clock of a film that is open.

    Raises:
        DataError: it is a single frame that says neither how long it is shown nor at what rate.
    """
    if video.clock is None:
        raise DataError(f"{video.name} has no frame rate")
    return video.clock


def duration_s(path: Path) -> float:
    """Return how long a video's frames last, in seconds, by the packets that are there and not by its header.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one.
        DataError: it does not say when its frames are shown.
    """
    clock = read_track(path).clock
    if clock is None:
        raise DataError(f"{path.name} has no frame rate")
    return clock.duration_s


def _pick(frames: Iterator[av.VideoFrame], wanted: set[int], name: str) -> dict[int, np.ndarray]:
    """Convert the wanted frames to RGB; an index one past the end gets the last frame."""
    converter, found, count, last = VideoReformatter(), dict[int, np.ndarray](), 0, None
    for count, last in enumerate(frames, start=1):
        if count - 1 in wanted:
            found[count - 1] = shown(last, converter, name)[0]
    if last is not None and count in wanted:
        found[count] = shown(last, converter, name)[0]
    return found


def encode(frames: np.ndarray, fps_hz: float, path: Path | io.BytesIO, *, crf: int = 12) -> None:
    """Write frames as H.264 mp4, the same bytes for the same frames.

    Args:
        frames: uint8 array of shape (n_frames, height, width, 3), RGB; height and width must be even.
        fps_hz: frame rate.
        path: file or buffer to write.
        crf: x264 quality, 0 lossless to 51.

    Raises:
        DataError: wrong dtype, shape or odd sides.
    """
    if (
        frames.dtype != np.uint8
        or frames.ndim != 4
        or frames.shape[-1] != 3
        or frames.shape[1] % 2
        or frames.shape[2] % 2
    ):
        raise DataError(f"frames must be uint8 (n, even, even, 3), not {frames.dtype} {frames.shape}")
    with av.open(path if isinstance(path, io.BytesIO) else str(path), "w", format="mp4") as container:
        rate = max(Fraction(fps_hz).limit_denominator(_FINEST_RATE), Fraction(1, _FINEST_RATE))
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        # One thread: the number of threads changes x264's bytes. No macroblock tree: on small frames it reads memory
        # that nobody has set, so that the same frames would give other bytes now and then.
        stream.options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())


def mp4_bytes(frames: np.ndarray, fps_hz: float, *, crf: int = 16) -> bytes:
    """Return frames (n_frames, height, width, 3) as the bytes of an mp4 file, for embedding in a page."""
    buffer = io.BytesIO()
    encode(frames, fps_hz, buffer, crf=crf)
    return buffer.getvalue()
