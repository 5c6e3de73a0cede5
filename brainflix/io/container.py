"""Open the container of a video: formats that are allowed, and the stream of pictures that a player shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.damage import unreadable
from brainflix.io.room import MAX_PIXELS, check_picture

# Containers of one file. Play lists, patterns of pictures and devices open other files, or none.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,ivf,yuv4mpegpipe"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}


@contextmanager
def container_of(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the container of a video and its stream of pictures, as PyAV has them; what FFmpeg raises is damage.

    Raises:
        MissingError: no such file.
        IntegrityError: not a video that is read here, or a damaged one.
        DataError: there is no video in it, or nobody here can decode it.
    """
    if not path.is_file():
        raise MissingError(f"no video at {path}")
    try:
        with av.open(str(path), options=_OPTIONS, metadata_errors="replace") as container:
            yield container, _stream(container, path.name)
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def _stream(container: Any, name: str) -> Any:
    """Return the stream of pictures that a player shows: no cover, and the default one where there are several.

    Raises:
        DataError: there is none, or nobody here can decode it.
        IntegrityError: it states an absurd size.
    """
    streams = moving(container)
    if not streams:
        raise DataError(f"cannot decode {name}", why="there is no video in it")
    stream = _chosen(container, streams)
    if stream.codec_context is None:
        raise DataError(f"cannot decode {name}", why="its codec is unknown", next="encode it as H.264, or lossless")
    check_picture(stream.codec_context.width, stream.codec_context.height, name)
    return stream


def moving(container: Any) -> list[Any]:
    """Return the streams of a container whose pictures move: covers and thumbnails do not."""
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & still]


def _chosen(container: Any, streams: list[Any]) -> Any:
    default = [stream for stream in streams if stream.disposition & av.stream.Disposition.default]
    if default:
        return default[0]
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def _unreadable(path: Path, error: FFmpegError) -> IntegrityError:
    foreign = isinstance(error, av.error.ArgumentError)
    words = "it is in no format of videos that is read here" if foreign else str(error.strerror or error)
    return unreadable(path.name, ValueError(words), f"make or fetch {path.name} again", path)
