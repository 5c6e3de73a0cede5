"""Read one clip of any common format as uint8 RGB frames with their start times; what was changed is noted.

Lossy sources are read as they are (docs/scoring.md, Pairing clips: to compare with released outputs; noted as the
source's codec).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.io.display import ALPHA_NOTE as ALPHA_NOTE
from brainflix.io.display import STRETCHED_NOTE, on_black, shown
from brainflix.io.film import opened
from brainflix.io.numbering import check_numbers
from brainflix.io.picture import GREY_NOTE, read_picture
from brainflix.io.room import check_clip
from brainflix.io.samples import count_samples
from brainflix.wording import few

Frames = NDArray[np.uint8]
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
        last_s: how long the last frame is shown, in seconds; None if the source does not say.
    """

    frames: Frames
    starts_s: NDArray[np.float64] | None
    codec: str
    notes: tuple[str, ...] = ()
    scale: str = ""
    last_s: float | None = None


def read_video(path: Path) -> Clip:
    """Decode every frame of a video file, with the times that its container states.

    Raises:
        IntegrityError: not a video that is read here, a damaged one, or one that would fill memory.
        DataError: one without a frame, or of which it cannot be told what it shows.
    """
    pictures: list[Frames] = []
    starts, converter = [], VideoReformatter()
    with opened(path) as video:
        file_bytes = path.stat().st_size
        for frame, start in video.frames:
            pixels, said = shown(frame, converter, path.name, video.aspect)
            n_frames = max(len(pictures) + 1, len(video.clock.starts_s) if video.clock else 1)
            check_clip(n_frames, len(pixels), len(pixels[0]), file_bytes, path.name)
            pictures.append(pixels)
            video.notes.update(dict.fromkeys(said))
            starts.append(start)
    if video.aspect != 1:
        video.notes[STRETCHED_NOTE] = None
    frames = stack(pictures, path)
    if video.clock is None:
        return Clip(frames, None, video.codec, tuple(video.notes))
    starts_s = np.array([float(start - starts[0]) for start in starts])
    return Clip(frames, starts_s, video.codec, tuple(video.notes), last_s=float(video.clock.last_s))


def read_frames(folder: Path, files: list[Path], passed_over: tuple[str, ...] = ()) -> Clip:
    """Read the pictures that are the frames of one clip, which have no clock.

    Args:
        folder: of the clip, for messages.
        files: the frames in order.
        passed_over: what else lies beside them, to be noted.

    Raises:
        IntegrityError: a frame is damaged, or together they would fill memory.
        DataError: one is deeper than 8 bits, or of another size; one is missing by their numbers; or the frames are of
            several samples.
    """
    several = [n for n in count_samples(path.stem for path in files).values() if n > 1]
    if len(several) > 1:
        what = f"{folder.name} holds the frames of {max(several)} samples of one clip"
        raise DataError(what, why="joined they would pass for one longer clip", next="give each sample its own folder")
    pictures, notes = list[Frames](), list[str]()
    file_bytes = sum(path.stat().st_size for path in files)
    for path in files:
        pixels, said = read_picture(path)
        check_clip(len(files), len(pixels), len(pixels[0]), file_bytes, folder.name)
        pictures.append(pixels)
        notes += said
    if passed_over:
        notes.append(passed_over_note(folder.name, passed_over))
    kinds = {"jpg": "jpeg"}
    suffixes = {path.suffix.lower().removeprefix(".") for path in files}
    codec = " and ".join(sorted({kinds.get(suffix, suffix) for suffix in suffixes}))
    frames = stack(pictures, folder)
    check_numbers([path.stem for path in files], folder.name)
    return Clip(frames, None, codec, tuple(dict.fromkeys(notes)))


def passed_over_note(name: str, files: Sequence[str]) -> str:
    """Return the note that a folder holds what is no clip or no frame; a few are named."""
    return f"passed over in {name}: {few(files)}"


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
        opaque, notes = on_black(pixels)
        return Clip(opaque, None, "array", tuple(notes), scale)
    return Clip(np.ascontiguousarray(pixels), None, "array", (), scale)


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


def stack(pictures: list[Frames], path: Path) -> Frames:
    """Return the pictures (height, width, 3) of a clip as one array (n, height, width, 3), and empty their list.

    Raises:
        DataError: there is none, or they differ in size.
    """
    if not pictures:
        raise DataError(f"{path.name} holds no frame")
    if len(sizes := {picture.shape for picture in pictures}) > 1:
        listed = " and ".join(f"{height}x{width}" for height, width, _ in sorted(sizes)[:2])
        raise DataError(f"the frames of {path.name} differ in size", why=listed)
    made = np.empty((len(pictures), *pictures[0].shape), np.uint8)
    # Memory holds the clip once: each picture goes when it has its place.
    for place in range(len(pictures) - 1, -1, -1):
        made[place] = pictures.pop()
    return made
