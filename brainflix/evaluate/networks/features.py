"""What a network says of each clip, computed once for each content and kept on disk.

An entry's name is a digest of the clip's pixels, of the checkpoint and of what is taken from it, so that no entry can
be out of date: another frame, checkpoint or version of the library has another name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.identification import first_equal
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.videos import VideoSet

Frames = NDArray[np.uint8]
Features = NDArray[np.float32]
# uint8 clips (n_clips, n_frames, height, width, 3) in, float32 (n_clips, ...) out.
Run = Callable[[Frames], Features]
Track = Callable[[Sequence[Any], str], Iterable[Any]]
Allocate = Callable[[tuple[int, ...]], Features]
# Larger values of one clip (AlexNet's early layers) cost more to keep than to compute.
MAX_ENTRY_BYTES = 4 * 2**20


@dataclass(frozen=True, eq=False)
class Network:
    """One output of one checkpoint.

    Attributes:
        kind: what is taken from it, with the versions of the libraries that prepare pixels and compute.
        pin: what pins its weights.
        load: returns what computes it; called only if a clip is not cached.
    """

    kind: str
    pin: str
    load: Callable[[], Run]

    @property
    def name(self) -> str:
        """What is taken, and of which weights, in one text."""
        return f"{self.kind}, {self.pin}"


@dataclass(frozen=True)
class Extraction:
    """How features are computed.

    Attributes:
        cache: folder of what is kept for any job; None keeps nothing.
        clips_per_batch: clips that a network is shown at once.
        track: counts batches.
        kept: whole batches of a run that was stopped. A cache holds clips, and rounding may depend on which share a
            batch: those of one that was half written are shown together again.
    """

    cache: Path | None = None
    clips_per_batch: int = 20
    track: Track = lambda items, what: items
    kept: Kept = field(default_factory=Kept)


def extract(
    network: Network,
    videos: VideoSet,
    how: Extraction,
    allocate: Allocate = lambda shape: np.empty(shape, np.float32),
) -> Features:
    """Return a network's output for every clip; equal clips are computed once.

    Args:
        network: what is computed.
        videos: whom it is shown.
        how: cache and batches.
        allocate: makes the float32 array of a shape that is returned, on disk if it may be large.

    Returns:
        Array of shape (n_clips, ...).

    Raises:
        DataError: the network returns something that is not finite.
    """
    keys = [entry_key(network, digest) for digest in videos.digests]
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    unique, size = list(first), how.clips_per_batch
    batches = [unique[start : start + size] for start in range(0, len(unique), size)]
    run: Run | None = None
    table: Features | None = None
    for batch in how.track(batches, network.kind):
        values = how.kept.get("batch", batch) or {}
        if not values:
            values = {key: value for key in batch if (value := _read(how.cache, key)) is not None}
        lacking = [key for key in batch if key not in values]
        if lacking:
            run = run or network.load()
            computed = _checked(run(np.stack([videos[first[key]] for key in lacking])), len(lacking), network)
            values |= dict(zip(lacking, computed, strict=True))
            if computed[0].nbytes <= MAX_ENTRY_BYTES:
                how.kept.put(values, "batch", batch)
            for key, value in zip(lacking, computed, strict=True):
                _write(how.cache, key, value)
        if table is None:
            table = allocate((videos.n_clips, *values[batch[0]].shape))
        for key in batch:
            table[first[key]] = values[key]
    if table is None:
        raise DataError("there is no clip to show to a network")
    for row, key in enumerate(keys):
        if first[key] != row:
            table[row] = table[first[key]]
    return table


def entry_key(network: Network, clip: bytes) -> str:
    """Return the name of an entry, 64 hex digits of a SHA-256, from what is taken and the digest of the clip."""
    return hashlib.sha256("\0".join((network.kind, network.pin)).encode() + b"\0" + clip).hexdigest()


def by_frame(forward: Callable[[Frames], Features], frames_per_batch: int) -> Run:
    """Return what shows every frame of clips to a network, equal ones once, in batches.

    Args:
        forward: takes frames (n, height, width, 3), gives (n, width).
        frames_per_batch: frames at once.

    Returns:
        Function of clips (n_clips, n_frames, height, width, 3) that gives (n_clips, n_frames, width).
    """

    def run(clips: Frames) -> Features:
        frames = clips.reshape(-1, *clips.shape[2:])
        # Half of the baselines stand still.
        kept, place = np.unique(first_equal(frames), return_inverse=True)
        starts = range(0, len(kept), frames_per_batch)
        parts = [forward(frames[kept[start : start + frames_per_batch]]) for start in starts]
        return np.concatenate(parts)[place].reshape(*clips.shape[:2], -1)

    return run


def _checked(values: Features, n_clips: int, network: Network) -> Features:
    if len(values) != n_clips or not np.isfinite(values).all():
        raise DataError(f"{network.kind} of {n_clips} clips gave {values.shape}, or numbers that are not finite")
    return np.asarray(values, np.float32)


def _place(cache: Path, key: str) -> Path:
    return cache / "features" / key[:2] / f"{key}.npz"


def _read(cache: Path | None, key: str) -> Features | None:
    """Return an entry, or None if there is none or its bytes are damaged (an npz has checksums)."""
    if cache is None:
        return None
    try:
        with np.load(_place(cache, key), allow_pickle=False) as archive:
            value = archive["value"]
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return None
    return np.asarray(value) if value.dtype == np.float32 else None


def _write(cache: Path | None, key: str, value: Features) -> None:
    """Write an entry whole or not at all; a cache that cannot be written costs time and no result."""
    if cache is None or value.nbytes > MAX_ENTRY_BYTES:
        return
    place = _place(cache, key)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, value=value)
            os.replace(name, place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
