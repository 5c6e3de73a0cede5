"""Decode and encode video with PyAV: uint8 RGB frames in memory, times in seconds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter

from brainflix.errors import DataError, IntegrityError, MissingError

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
        DataError: not a video, or it ends more than a frame before the last time.
    """
    with opened(path) as (rate_hz, decoded):
        # The frame whose start is nearest; a half goes to the later one, as a player shows it.
        wanted = np.floor(np.asarray(times_s) * rate_hz + 0.5).astype(int)
        frames = _pick(decoded, set(wanted.tolist()))
    if missing := set(wanted.tolist()) - set(frames):
        raise DataError(f"{path.name} ends before frame {min(missing)}", why=f"asked for {times_s[-1]:.2f} s")
    return np.stack([frames[index] for index in wanted.tolist()])


@contextmanager
def opened(path: Path) -> Iterator[tuple[float, Iterator[av.VideoFrame]]]:
    """Yield the frame rate in Hz that a video states (0 if none), and its frames as they are decoded.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video.
    """
    if not path.is_file():
        raise MissingError(f"no video at {path}")
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise DataError(f"cannot decode {path.name}", why="there is no video in it")
            stream = container.streams.video[0]
            yield float(stream.average_rate or 0), container.decode(stream)
    except FFmpegError as error:
        raise DataError(f"cannot decode {path.name}", why=str(error)) from error


def duration_s(path: Path) -> float:
    """Return how long a video's frames last, in seconds, by the packets that are there and not by its header.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video.
    """
    if not path.is_file():
        raise MissingError(f"no video at {path}")
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0)
            count = sum(1 for packet in container.demux(stream) if packet.size)
    except (FFmpegError, IndexError) as error:
        raise IntegrityError(f"cannot read {path.name}", why=str(error), next="fetch it again") from error
    if not rate:
        raise DataError(f"{path.name} has no frame rate")
    return count / rate


def _pick(stream: Iterator[av.VideoFrame], wanted: set[int]) -> dict[int, np.ndarray]:
    """Convert the wanted frames to RGB; an index one past the end gets the last frame."""
    converter, found, count, last = VideoReformatter(), {}, 0, None
    for count, last in enumerate(stream, start=1):
        if count - 1 in wanted:
            found[count - 1] = converter.reformat(last, format="rgb24").to_ndarray()
    if last is not None and count in wanted:
        found[count] = converter.reformat(last, format="rgb24").to_ndarray()
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
