"""Read one clip of any common format as uint8 RGB frames with their start times; what was changed is noted.

Lossy sources are read as they are (docs/scoring.md, Pairing clips: to compare with released outputs; noted as the
source's codec).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from brainflix.errors import DataError, IntegrityError
from brainflix.io.damage import PICTURE_DAMAGE, unreadable
from brainflix.io.samples import count_samples

Frames = NDArray[np.uint8]
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".webm")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
ALPHA_NOTE = "alpha was composited on black"
GREY_NOTE = "grayscale became three equal channels"
# A float clip whose maximum lies between these fits neither [0, 1] nor, in earnest, [0, 255].
UNIT_MAX, BYTE_MIN_MAX = 1.0, 2.0


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip in memory.

    Attributes:
        frames: array of shape (n_frames, height, width, 3), uint8 RGB.
        starts_s: start of each frame in seconds from the first, array of shape (n_frames,); None if the source has no
            clock.
        codec: what the pixels went through: "gif", "h264", "png", "array", ...
        notes: what was changed on the way.
        scale: of a float source, "unit" for [0, 1] and "byte" for [0, 255]; "" where both or neither apply.
    """

    frames: Frames
    starts_s: NDArray[np.float64] | None
    codec: str
    notes: tuple[str, ...] = ()
    scale: str = ""


def read_gif(path: Path) -> Clip:
    """Read a GIF; a frame that is held for several of the shortest durations comes as that many frames.

    Writers merge equal neighbours into one longer frame, so the number of stored frames is not the clip's.

    Raises:
        IntegrityError: not a readable GIF.
    """
    pictures, durations, notes = [], [], []
    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                durations.append(int(frame.info.get("duration", 0)))
                pixels, note = _from_picture(frame)
                pictures.append(pixels)
                notes += note
    except PICTURE_DAMAGE as error:
        raise _unreadable(path, error) from error
    shortest = min(durations, default=0)
    if not shortest:
        return Clip(_stack(pictures, path), None, "gif", _once(notes))
    if all(duration % shortest == 0 for duration in durations):
        repeats = [duration // shortest for duration in durations]
        if len(set(repeats)) > 1:
            notes.append("held GIF frames were repeated")
        pictures = [picture for picture, n in zip(pictures, repeats, strict=True) for _ in range(n)]
        durations = [shortest] * len(pictures)
    starts = np.concatenate([[0.0], np.cumsum(durations[:-1])]) / 1000.0
    return Clip(_stack(pictures, path), starts, "gif", _once(notes))


def read_video(path: Path) -> Clip:
    """Decode every frame of a video file, with the times that its container states.

    Raises:
        IntegrityError: not a readable video.
        DataError: one without a frame.
    """
    pictures: list[Frames] = []
    times, notes = [], []
    converter = VideoReformatter()
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            rate, codec = float(stream.average_rate or 0), str(stream.codec_context.name)
            stated = int(stream.frames)
            for frame in container.decode(stream):
                has_alpha = any(component.is_alpha for component in frame.format.components)
                shown = converter.reformat(frame, format="rgba" if has_alpha else "rgb24")
                pixels = np.asarray(shown.to_ndarray(), np.uint8)
                if has_alpha:
                    pixels, note = _on_black(pixels)
                    notes += note
                pictures.append(pixels)
                times.append(frame.time)
    except (FFmpegError, IndexError, ValueError) as error:
        raise _unreadable(path, error) from error
    frames = _stack(pictures, path)
    # Decoders stop without an error where a file breaks off.
    if len(frames) < stated:
        notes.append(f"{path.name} states {stated} frames and gives {len(frames)}")
    return Clip(frames, _starts(times, rate), codec, _once(notes))


def read_frames(folder: Path, files: list[Path]) -> Clip:
    """Read the PNG or JPG frames of one clip, which have no clock.

    Args:
        folder: of the clip, for messages.
        files: the frames in order.

    Raises:
        IntegrityError: a frame is unreadable.
        DataError: one is deeper than 8 bits, or of another size; or the frames are of several samples.
    """
    several = [n for n in count_samples(path.stem for path in files).values() if n > 1]
    if len(several) > 1:
        what = f"{folder.name} holds the frames of {max(several)} samples of one clip"
        raise DataError(what, why="joined they would pass for one longer clip", next="give each sample its own folder")
    pictures, notes = [], []
    for path in files:
        try:
            with Image.open(path) as image:
                pixels, note = _from_picture(image)
        except PICTURE_DAMAGE as error:
            raise _unreadable(path, error) from error
        pictures.append(pixels)
        notes += note
    codec = "png" if all(path.suffix.lower() == ".png" for path in files) else "jpeg"
    return Clip(_stack(pictures, folder), None, codec, _once(notes))


def from_array(array: NDArray[Any], name: str) -> Clip:
    """Turn an array of one clip into RGB frames.

    Args:
        array: of shape (n_frames, height, width, 3), or with 1 or 4 channels, or none; uint8, or float in [0, 1] or
            [0, 255].
        name: of the clip, for messages.

    Raises:
        DataError: another shape or dtype, not finite, or of a range that could mean either scale or none.
    """
    shape = array.shape
    if array.ndim == 3 and shape[-1] > 4:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4) or not array.size:
        raise DataError(f"clip {name} has shape {shape}", why="need (n_frames, height, width, 3), channels last")
    pixels, scale = _to_bytes(array, name)
    if pixels.shape[-1] == 1:
        return Clip(np.repeat(pixels, 3, axis=-1), None, "array", (GREY_NOTE,), scale)
    if pixels.shape[-1] == 4:
        opaque, notes = _on_black(pixels)
        return Clip(opaque, None, "array", tuple(notes), scale)
    return Clip(np.ascontiguousarray(pixels), None, "array", (), scale)


def _starts(times: list[float | None], rate_hz: float) -> NDArray[np.float64] | None:
    """Return when frames start, from their stamps or, where those are missing or not ascending, from the rate."""
    stamps = np.array([np.nan if time is None else time for time in times], np.float64)
    if (np.diff(stamps) > 0).all() and np.isfinite(stamps).all():
        return np.asarray(stamps - stamps[0], np.float64)
    return np.arange(len(times)) / rate_hz if rate_hz else None


def _to_bytes(array: NDArray[Any], name: str) -> tuple[Frames, str]:
    """Return uint8 pixels and the scale of a float array."""
    if array.dtype == np.uint8:
        return np.array(array), ""
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"clip {name} is {array.dtype}", why="need uint8, or float in [0, 1] or [0, 255]")
    if not np.isfinite(array).all():
        raise DataError(f"clip {name} holds NaN or infinite pixels")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255 or UNIT_MAX < high < BYTE_MIN_MAX:
        why = "float pixels must lie in [0, 1] or [0, 255], and it must be plain in which"
        raise DataError(f"clip {name} ranges from {low:g} to {high:g}", why=why, next="save it as uint8")
    scale = "" if high == 0 else "unit" if high <= UNIT_MAX else "byte"
    factor = 255.0 if scale == "unit" else 1.0
    return np.rint(np.asarray(array, np.float64) * factor).astype(np.uint8), scale


def _from_picture(image: Image.Image) -> tuple[Frames, list[str]]:
    """Return an image as RGB pixels (height, width, 3) and what was changed."""
    if image.mode.startswith(("I", "F")):
        name = Path(str(getattr(image, "filename", ""))).name or "a picture"
        raise DataError(f"cannot use {name}", why=f"pixels of mode {image.mode} are not 8 bits deep")
    if image.has_transparency_data:
        return _on_black(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB")), [GREY_NOTE] if image.mode in ("L", "1") else []


def _on_black(rgba: Frames) -> tuple[Frames, list[str]]:
    """Composite (..., 4) on black; a fully opaque picture is not changed and gets no note."""
    alpha = rgba[..., 3:]
    if (alpha == 255).all():
        return np.ascontiguousarray(rgba[..., :3]), []
    return np.rint(rgba[..., :3].astype(np.float64) * alpha / 255.0).astype(np.uint8), [ALPHA_NOTE]


def _stack(pictures: list[Frames], path: Path) -> Frames:
    if not pictures:
        raise DataError(f"{path.name} holds no frame")
    if len(sizes := {picture.shape for picture in pictures}) > 1:
        listed = " and ".join(f"{height}x{width}" for height, width, _ in sorted(sizes)[:2])
        raise DataError(f"the frames of {path.name} differ in size", why=listed)
    return np.stack(pictures)


def _once(notes: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def _unreadable(path: Path, error: Exception) -> IntegrityError:
    return unreadable(path.name, error, f"make or fetch {path.name} again", path)
