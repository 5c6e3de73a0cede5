"""Animated pictures as clips: GIF, WebP and animated PNG, by Pillow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.io.clip_read import Clip, stack
from brainflix.io.damage import PICTURE_DAMAGE
from brainflix.io.picture import not_read, open_picture, to_rgb
from brainflix.io.room import check_clip, check_picture
from brainflix.io.whole import check_whole

HELD_NOTE = "held GIF frames were repeated"
# Pillow gives what is a fraction of a second in the file as milliseconds.
_FINEST = 1000


def is_animated(path: Path) -> bool:
    """Say whether a picture has several frames, by its header; damaged ones have not."""
    try:
        with path.open("rb") as file, open_picture(file, path) as image:
            return getattr(image, "n_frames", 1) > 1
    except PICTURE_DAMAGE:
        return False


def read_animation(path: Path) -> Clip:
    """Read an animation; a frame that is held for several of the shortest durations comes as that many frames.

    Writers merge equal neighbours into one longer frame, so the number of stored frames is not the clip's.

    Raises:
        IntegrityError: it is not readable, or breaks off, or would fill memory.
        DataError: it holds no frame, or frames of two sizes.
    """
    check_whole(path)
    pictures, durations, notes = [], [], []
    try:
        with path.open("rb") as file, open_picture(file, path) as image:
            codec = str(image.format).lower()
            for number in _frames(image, path):
                image.seek(number)
                check_picture(*image.size, path.name)
                pixels, note = to_rgb(image, path.name)
                pictures.append(pixels)
                # Known only now: some formats state it with the pixels.
                durations.append(Fraction(image.info.get("duration", 0)).limit_denominator(_FINEST))
                notes += note
    except PICTURE_DAMAGE as error:
        raise not_read(path, error) from error
    return _timed(pictures, durations, notes, codec, path)


def _frames(image: Image.Image, path: Path) -> range:
    """Return the frames that are shown, once there is room for them; the still beside an animated PNG is none."""
    n_frames = int(getattr(image, "n_frames", 1))
    check_clip(n_frames, image.height, image.width, path.stat().st_size, path.name)
    return range(int(n_frames > 1 and bool(image.info.get("default_image"))), n_frames)


def _timed(pictures: list[np.ndarray], durations: list[Fraction], notes: list[str], codec: str, path: Path) -> Clip:
    """Return a clip of pictures that are shown for so many milliseconds each."""
    shortest = min(durations, default=Fraction(0))
    if shortest <= 0:
        return Clip(stack(pictures, path), None, codec, tuple(dict.fromkeys(notes)))
    if all(duration % shortest == 0 for duration in durations):
        repeats = [int(duration / shortest) for duration in durations]
        check_clip(sum(repeats), len(pictures[0]), len(pictures[0][0]), path.stat().st_size, path.name)
        if len(set(repeats)) > 1:
            notes.append(HELD_NOTE)
        pictures = [picture for picture, n in zip(pictures, repeats, strict=True) for _ in range(n)]
        durations = [shortest] * len(pictures)
    starts = np.concatenate([[0.0], np.cumsum([float(each) for each in durations[:-1]])]) / 1000.0
    return Clip(stack(pictures, path), starts, codec, tuple(dict.fromkeys(notes)), last_s=float(durations[-1]) / 1000.0)
