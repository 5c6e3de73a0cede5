"""Bring two folders of clips, or one of side-by-side clips, to the frames and the size that a protocol compares.

Clips are read one at a time and their frames go to files, so that memory does not grow with the number of clips.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, IntegrityError, ResourceError, UsageError
from brainflix.evaluate.clock import RATE_TOLERANCE, Timing, match_frames, regular
from brainflix.evaluate.staged import Staged
from brainflix.evaluate.protocols import Protocol
from brainflix.io.clip_folder import ClipFolder, midpoint_split, tile_crop
from brainflix.io.clip_read import Clip
from brainflix.io.frames import resize
from brainflix.io.samples import count_samples
from brainflix.wording import format_bytes

Track = Callable[[Sequence[Any], str], Iterator[Any]]
NAMED = 3
SIDES = ("truth", "prediction")
Unusable = DataError | IntegrityError | UsageError
BY_INDEX_NOTE = "frame rates are unknown: equal numbers of frames were matched by index"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Clips as they are compared, on disk.

    Attributes:
        ids: clip ids in natural order.
        truth, prediction: clips of shape (n_frames, height, width, 3), uint8.
        rank: array of shape (n_clips,), place of each clip by a hash of what it shows, whatever its name.
        codecs: by side, what the pixels went through.
        notes: what was changed on the way.
        fps_hz: frames per second of what is compared; None where the truth has no clock, or clips differ.
    """

    ids: tuple[str, ...]
    truth: Staged
    prediction: Staged
    rank: NDArray[np.int64]
    codecs: dict[str, list[str]]
    notes: tuple[str, ...]
    fps_hz: float | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Where pairs of clips come from: their ids, and what reads the truth and the prediction of one."""

    ids: tuple[str, ...]
    read: Callable[[str], tuple[Clip, Clip]]


def paired(prediction: ClipFolder, truth: ClipFolder) -> Source:
    """Pair the clips of two folders by their ids, whatever zeros their numbers are padded with (clip2 and clip002).

    Raises:
        DataError: the folders do not hold the same clips, a few that are missing are named; or the prediction holds
            several samples of a clip.
    """
    _refuse_samples(prediction, lambda name: name in truth.ids)
    prediction = prediction.named_as(truth.ids)
    missing = [_name_few("truth", "prediction", set(truth.ids) - set(prediction.ids), truth.ids)]
    missing += [_name_few("prediction", "truth", set(prediction.ids) - set(truth.ids), prediction.ids)]
    if any(missing):
        advice = "give both sides of a clip one name; the clips of an array are named by its ids, or 0, 1, 2 ..."
        raise DataError(
            "the folders hold different clips", why="; ".join(part for part in missing if part), next=advice
        )
    return Source(truth.ids, lambda name: (truth.read(name), prediction.read(name)))


def side_by_side(folder: ClipFolder, padding_px: int, *, midpoint: bool) -> Source:
    """Split each clip of a folder in its left half, the truth, and its right half, the prediction.

    Args:
        folder: of clips that show both.
        padding_px: border of the grid, cut exactly.
        midpoint: split in the middle instead, as released scripts do.

    Raises:
        DataError: the folder holds several samples of a clip.
    """
    # Beside one true clip, ids that differ in a sample's number alone show the same clip.
    _refuse_samples(folder, lambda name: True)

    def read(name: str) -> tuple[Clip, Clip]:
        clip = folder.read(name)
        left, right = midpoint_split(clip.frames) if midpoint else tile_crop(clip.frames, padding_px)
        return replace(clip, frames=left), replace(clip, frames=right)

    return Source(folder.ids, read)


def _refuse_samples(prediction: ClipFolder, is_clip: Callable[[str], bool]) -> None:
    """Raise DataError where a clip has several samples; `is_clip` tells whether what is left of an id names a clip."""
    several = [(name, n) for name, n in count_samples(prediction.ids).items() if n > 1 and is_clip(name)]
    if several:
        name, n = several[0]
        why = "the best of several is not a score of the system, so none is chosen here"
        advice = "score folders that hold one sample of each clip"
        raise DataError(f"the prediction holds {n} samples of clip {name}", why=why, next=advice)


def stage_inputs(
    source: Source,
    protocol: Protocol,
    folder: Path,
    *,
    fps_truth: float | None = None,
    fps_prediction: float | None = None,
    track: Track = lambda items, what: iter(items),
) -> Inputs:
    """Read every pair, pick its frames, resize them, and write them below `folder`.

    Args:
        source: the pairs.
        protocol: decides frames and size.
        folder: for the files; whoever gives it removes it.
        fps_truth: frames per second of the truth, whatever its files say.
        fps_prediction: the same of the prediction.
        track: counts the clips.

    Raises:
        DataError, IntegrityError: a clip cannot be used, or is damaged; it is named.
        ResourceError: the disk is too small.
    """
    arrays: list[Staged] = []
    said = _Said()
    hashes: list[bytes] = []
    for row, name in enumerate(track(source.ids, "clips read")):
        try:
            clips = source.read(name)
            frames = _compared(clips, protocol, (fps_truth, fps_prediction), said)
            said.hear(name, clips)
        except (DataError, IntegrityError, UsageError) as error:
            raise _named(error, name) from error
        if not arrays:
            arrays = _open_files(folder, (len(source.ids), *frames[0].shape))
        if frames[0].shape != arrays[0].shape[1:]:
            what = f"clip {name} has {len(frames[0])} frames to compare, {source.ids[0]} has {arrays[0].shape[1]}"
            raise DataError(what, why="all clips of one table need the same number")
        arrays[0][row], arrays[1][row] = frames
        hashes.append(hashlib.sha256(frames[0].tobytes() + frames[1].tobytes()).digest())
    rank = np.empty(len(hashes), np.int64)
    rank[sorted(range(len(hashes)), key=hashes.__getitem__)] = np.arange(len(hashes))
    codecs = {side: sorted(said.codecs[side]) for side in SIDES}
    return Inputs(source.ids, arrays[0], arrays[1], rank, codecs, tuple(said.notes), said.rate())


class _Said:
    """What the clips read so far said of themselves, each thing once."""

    def __init__(self) -> None:
        self.codecs: dict[str, set[str]] = {side: set() for side in SIDES}
        self.scales: dict[str, dict[str, str]] = {side: {} for side in SIDES}
        self.notes: dict[str, None] = {}
        self.rates: list[float | None] = []

    def hear(self, name: str, clips: tuple[Clip, Clip]) -> None:
        """Take note of a pair; refuse float clips of one side in two ranges, of which one must be misread."""
        for side, clip in zip(SIDES, clips, strict=True):
            self.codecs[side].add(clip.codec)
            self.notes.update({f"{side}: {note}": None for note in clip.notes})
            if clip.scale:
                self.scales[side].setdefault(clip.scale, name)
            if len(self.scales[side]) > 1:
                unit, byte = self.scales[side]["unit"], self.scales[side]["byte"]
                why = f"clip {unit} lies in [0, 1], clip {byte} in [0, 255]"
                raise DataError(f"float clips of the {side} have two ranges", why=why, next="save them as uint8")

    def rate(self) -> float | None:
        """Return the frame rate of all compared clips, if they have one; GIFs know theirs to 10 ms."""
        known = [rate for rate in self.rates if rate is not None]
        if not known or len(known) < len(self.rates) or max(known) > (1 + RATE_TOLERANCE) * min(known):
            return None
        return float(np.median(known))


def _compared(
    clips: tuple[Clip, Clip], protocol: Protocol, rates: tuple[float | None, float | None], said: _Said
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the frames of truth and prediction that are compared, at the protocol's size."""
    timings = [_timing(clip, rate) for clip, rate in zip(clips, rates, strict=True)]
    if protocol.frame_rule == "clock" and all(timing.starts_s is None for timing in timings):
        said.notes[BY_INDEX_NOTE] = None
    indices = match_frames(protocol.frame_rule, timings[0], timings[1], protocol.n_frames)
    starts = timings[0].starts_s
    said.rates.append(None if starts is None else Timing(len(indices[0]), starts[indices[0]]).fps_hz)
    for side, clip, timing in zip(SIDES, clips, timings, strict=True):
        said.notes.update(dict.fromkeys(_changes(side, clip, timing, protocol)))
    truth, prediction = (
        resize(clip.frames[index], protocol.height, protocol.width) for clip, index in zip(clips, indices, strict=True)
    )
    return truth, prediction


def _changes(side: str, clip: Clip, timing: Timing, protocol: Protocol) -> Iterator[str]:
    """Yield what is done to a clip that changes its numbers: another size, another clock than its file's."""
    height, width = clip.frames.shape[1:3]
    if (height, width) != (protocol.height, protocol.width):
        shape = "" if abs(width / height * protocol.height / protocol.width - 1) <= 0.01 else ", another aspect ratio"
        yield f"{side}: resized from {width}x{height} to {protocol.width}x{protocol.height}{shape}"
    own = Timing(len(clip.frames), clip.starts_s).fps_hz
    given = timing.fps_hz
    if own is not None and given is not None and abs(given / own - 1) > RATE_TOLERANCE:
        yield f"{side}: taken to have {given:g} frames per second as asked, its files say {own:g}"


def _timing(clip: Clip, fps_hz: float | None) -> Timing:
    return Timing(len(clip.frames), clip.starts_s) if fps_hz is None else regular(len(clip.frames), fps_hz)


def _open_files(folder: Path, shape: tuple[int, ...]) -> list[Staged]:
    """Create the two arrays on disk, which must have room for them: a full disk kills a process that maps it."""
    check_room(folder, 2 * int(np.prod(shape)))
    return [Staged(folder / f"{side}.u8", shape) for side in SIDES]


def check_room(folder: Path, needed: int) -> None:
    """Raise ResourceError if `folder` has not got `needed` bytes of room."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        what = f"{folder} has {format_bytes(free)} free, scoring needs {format_bytes(needed)}"
        raise ResourceError(what, next="set TMPDIR to a larger disk")


def _named(error: Unusable, name: str) -> Unusable:
    """Return the error with the clip's name, unless it has it already."""
    what = error.what if name in error.what else f"clip {name}: {error.what}"
    return type(error)(what, why=error.why, next=error.next)


def _name_few(there: str, lacking: str, names: set[str], order: Iterable[str]) -> str:
    """Return which clips of one side the other lacks, a few by name."""
    found = [name for name in order if name in names]
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"the {lacking} lacks {', '.join(found[:NAMED])}{more}, which the {there} has"
