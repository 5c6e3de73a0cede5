"""How much memory pictures may ask for: small files that unpack to gigabytes are told before anything is allocated."""

from __future__ import annotations

from brainflix.errors import IntegrityError
from brainflix.io.limits import allowed_bytes, ratio_for
from brainflix.wording import format_bytes

# Ultra HD of 8K has 33 million pixels.
MAX_PIXELS = 36_000_000
# Any clip may unpack to this, whatever its file's size.
CLIP_BYTES = 512 * 1024**2
# Beyond that a file may unpack to so many times its own size, or more if the setting `unpack_ratio` is larger: video
# that people look at stays below it, and is packed more tightly than the numbers for which the setting's default is.
MOST_TIMES = 1000
CHANNELS = 3


def check_picture(width: int, height: int, name: str) -> None:
    """Refuse the size that a picture or video states in its header, in pixels.

    Raises:
        IntegrityError: it is not above 0, or more than is ever shown.
    """
    if width < 1 or height < 1:
        raise IntegrityError(f"{name} states a picture of {width}x{height} pixels")
    if width * height > MAX_PIXELS:
        why = f"more than {MAX_PIXELS // 10**6} million pixels are a fault or made to fill memory"
        raise IntegrityError(f"{name} states pictures of {width}x{height}", why=why, next="make it smaller")


def check_clip(n_frames: int, height: int, width: int, file_bytes: int, name: str) -> None:
    """Refuse a clip whose RGB frames would be too large for the file that they come from.

    Args:
        n_frames: frames that it has, or has had so far.
        height, width: in pixels.
        file_bytes: size of its file, or of its files.
        name: for messages.

    Raises:
        IntegrityError: they would be.
    """
    check_bytes(n_frames * height * width * CHANNELS, file_bytes, name)


def check_bytes(needed: int, file_bytes: int, name: str) -> None:
    """Refuse what would unpack to `needed` bytes of memory from `file_bytes` in a file.

    Raises:
        IntegrityError: it is more than a clip may need and such a file may hold; says the setting that allows it.
        UsageError: the setting is not valid.
    """
    if needed <= max(CLIP_BYTES, MOST_TIMES * file_bytes) or needed <= allowed_bytes(file_bytes):
        return
    what = f"{name} of {format_bytes(file_bytes)} unpacks to {format_bytes(needed)} or more"
    advice = f"make it smaller or shorter; if it is meant to hold so much, set {ratio_for(needed, file_bytes)}"
    raise IntegrityError(what, why="this is a fault or made to fill memory", next=advice)
