"""Find the clips of a folder, whatever made it, and read them one at a time.

A folder holds one file for each clip, or one sub-folder of frames for each clip, or one array of all clips. Clip ids
are names without extension, in natural order (clip2 before clip10).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from brainflix.errors import DataError, MissingError, UsageError
from brainflix.io import clip_table
from brainflix.io.animation import is_animated, read_animation
from brainflix.io.clip_arrays import ARRAY_SUFFIXES, clips_of_array, is_array, n_axes, read_array
from brainflix.io.clip_read import Clip, Frames, passed_over_note, read_frames, read_video
from brainflix.io.films import FILM_SUFFIXES
from brainflix.io.ids import as_written, natural
from brainflix.io.top_folder import shown_in

ANIMATED_SUFFIXES = (".gif", ".webp", ".apng")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SUFFIXES = (*ANIMATED_SUFFIXES, *FILM_SUFFIXES, *ARRAY_SUFFIXES)


@dataclass(frozen=True, eq=False)
class ClipFolder:
    """The clips of a folder.

    Attributes:
        path: where they are.
        readers: what reads each clip, by id, in natural order.
        passed_over: names of what lies there and is no clip.
        unpacked: holds what had to be unpacked to be read clip by clip, as long as the clips are needed.
    """

    path: Path
    readers: Mapping[str, Callable[[], Clip]]
    passed_over: tuple[str, ...] = ()
    unpacked: tuple[tempfile.TemporaryDirectory[str], ...] = field(default=(), repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Clip ids in natural order."""
        return tuple(self.readers)

    def read(self, clip_id: str) -> Clip:
        """Read one clip.

        Raises:
            DataError: it cannot be used; one sentence says why.
            IntegrityError: its file is damaged.
        """
        return self.readers[clip_id]()

    def named_as(self, ids: Sequence[str]) -> ClipFolder:
        """Return the same clips under the names that `ids` has for them, as of `as_written`."""
        names = as_written(self.ids, ids)
        return replace(self, readers=dict(zip(names, self.readers.values(), strict=True)))


def open_clips(path: Path) -> ClipFolder:
    """List the clips at `path`: a folder of clips, or an array of shape (n_clips, n_frames, height, width, 3).

    Raises:
        MissingError: there is nothing at `path`.
        DataError: no clips there, or two of one name.
    """
    if not path.exists():
        raise MissingError(f"no folder at {path}")
    if is_array(path):
        return _of_array(path)
    if path.is_file():
        raise DataError(f"{path.name} is neither a folder of clips nor an array of clips", next="give its folder")
    entries = [entry for entry in _entries(path) if entry.name != clip_table.FILE]
    arrays = [entry for entry in entries if is_array(entry)]
    others = [entry for entry in entries if entry not in arrays]
    if len(arrays) == 1 and not any(map(_reader, others)) and n_axes(arrays[0]) == 5:
        return replace(_of_array(arrays[0]), passed_over=tuple(entry.name for entry in others))
    readers: dict[str, Callable[[], Clip]] = {}
    passed_over = []
    for entry in entries:
        reader = _reader(entry)
        if reader is None:
            passed_over.append(entry.name)
            continue
        name = entry.name if entry.is_dir() and entry.suffix != ".zarr" else entry.stem
        if name in readers:
            raise DataError(f"{path} holds two clips named {name}", why=f"one of them is {entry.name}")
        readers[name] = reader
    if not readers:
        kinds = ", ".join(SUFFIXES)
        there = f"; {passed_over_note(path.name, passed_over)}" if passed_over else ""
        raise DataError(f"no clips in {path}", why=f"a clip is a {kinds} or a folder of its frames{there}")
    return ClipFolder(path, dict(sorted(readers.items(), key=lambda item: natural(item[0]))), tuple(passed_over))


def tile_crop(frames: Frames, padding_px: int) -> tuple[Frames, Frames]:
    """Cut a grid of one row and two columns exactly, as torchvision's make_grid pads it.

    Args:
        frames: array of shape (n_frames, height + 2 padding, 2 width + 3 padding, 3).
        padding_px: border around each tile; the two tiles share the middle one.

    Returns:
        The left and the right tile, each (n_frames, height, width, 3).

    Raises:
        DataError: the size is not that of such a grid.
    """
    height, width = frames.shape[1] - 2 * padding_px, frames.shape[2] - 3 * padding_px
    if padding_px < 0:
        raise UsageError(f"a padding of {padding_px} px is not possible", next="give 0 or more")
    if height < 1 or width < 2 or width % 2:
        why = (
            f"{frames.shape[2]} - 3 x {padding_px} is no even number of pixels"
            if width % 2
            else "nothing would be left"
        )
        what = f"frames of {frames.shape[1]}x{frames.shape[2]} are no two tiles with a padding of {padding_px} px"
        raise DataError(what, why=why, next="give the grid's --padding")
    tile = width // 2
    rows = slice(padding_px, padding_px + height)
    right = 2 * padding_px + tile
    return frames[:, rows, padding_px : padding_px + tile], frames[:, rows, right : right + tile]


def midpoint_split(frames: Frames) -> tuple[Frames, Frames]:
    """Split frames (n_frames, height, width, 3) in the middle, borders and all.

    Released scripts do so (docs/scoring.md, Known errors).
    """
    half = frames.shape[2] // 2
    return frames[:, :, :half], frames[:, :, half : 2 * half]


def _reader(entry: Path) -> Callable[[], Clip] | None:
    """Return what reads the clip at `entry`, or None where there is none."""
    suffix = entry.suffix.lower()
    if is_array(entry):
        return partial(read_array, entry)
    if entry.is_dir():
        return _reader_of_frames(entry)
    if suffix in ANIMATED_SUFFIXES or (suffix in IMAGE_SUFFIXES and is_animated(entry)):
        return partial(read_animation, entry)
    return partial(read_video, entry) if suffix in FILM_SUFFIXES else None


def _reader_of_frames(folder: Path) -> Callable[[], Clip] | None:
    """Return what reads the frames in a folder, or None where it holds other things only."""
    entries = _entries(folder)
    frames = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES]
    others = tuple(entry.name for entry in entries if entry not in set(frames))
    # An empty folder is a clip that lost its frames; passed over on both sides it would be missed by nobody.
    return partial(read_frames, folder, frames, others) if frames or not others else None


def _entries(folder: Path) -> list[Path]:
    """Return what a person sees in a folder, in natural order: without what systems leave there."""
    return sorted(shown_in(folder), key=natural)


def _of_array(path: Path) -> ClipFolder:
    readers, unpacked = clips_of_array(path)
    return ClipFolder(path, dict(sorted(readers.items(), key=lambda item: natural(item[0]))), unpacked=unpacked)
