"""CC2017 as others have released it, in arrays: their files, the table of clips that they share, and their frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.io.fetch.files import Listing, RemoteFile
from brainflix.store.clips import Clips

REPOSITORY = "gongzx/cc2017_dataset"
SEGMENTS = {**{f"seg{n}": 240 for n in range(1, 19)}, **{f"test{n}": 240 for n in range(1, 6)}}
N_TRAIN, N_TEST = 4320, 1200
SPLITS = ("train", "test")
# So many clips' frames are in memory at a time.
_BLOCK = 120


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the published table of clips, with the ids that the raw release has; it needs no files."""
    rows = [(segment, number) for segment, count in SEGMENTS.items() for number in range(count)]
    split = [2 if segment.startswith("test") else int(segment == "seg18") for segment, _ in rows]
    return Clips(
        ids=tuple(f"{segment}_{number + 1:03d}" for segment, number in rows),
        segment=tuple(segment for segment, _ in rows),
        onset_s=np.array([number * clip_s for _, number in rows]),
        split=np.array(split, np.int8),
        caption=("",) * len(rows),
    )


def fmri_path(release: str, subject: int, split: str) -> str:
    """Return where a release keeps a subject's responses."""
    if release == "mindvideo":
        return f"fmri_{split}_subject{subject}.npy"
    return f"subj{subject:02d}_{split}_fmri.pt"


def neuroclips_files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the files that NeuroClips' code opens; their addresses and digests are the Hub's to say."""
    if subject is None:
        return [RemoteFile(f"GT_{split}_3fps.pt") for split in SPLITS]
    return [RemoteFile(fmri_path("neuroclips", subject, split)) for split in SPLITS]


def neuroclips_listing(params: Mapping[str, Any], subject: int | None) -> Listing:
    """Ask the Hub for these files at the commit.

    Raises:
        MissingError: it cannot be reached, or the repository or a file is not there.
    """
    from brainflix.io.fetch.hub import hub_listing

    names = [file.path for file in neuroclips_files(params, subject)]
    return hub_listing(REPOSITORY, params["revision"], names)


def mindvideo_files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return the files of MinD-Video's release, which a person has to fetch."""
    if subject is None:
        return [RemoteFile(f"video_{split}_256_3hz.npy") for split in SPLITS]
    return [RemoteFile(fmri_path("mindvideo", subject, split)) for split in SPLITS]


def neuroclips_frames(raw: Path) -> Iterator[np.ndarray]:
    """Yield the frames of all clips, training first, as uint8 (n, 6, height, width, 3).

    Raises:
        DataError: another shape, or values beyond 0 to 1 (floats) or 0 to 255 (bytes).
    """
    from brainflix.io.legacy import load_pt

    for split, count in zip(SPLITS, (N_TRAIN, N_TEST), strict=True):
        tensor = load_pt(raw / f"GT_{split}_3fps.pt")
        shape: tuple[int, ...] = tuple(getattr(tensor, "shape", ()))
        if len(shape) != 5 or shape[2] != 3:
            raise DataError(f"GT_{split}_3fps.pt has shape {shape} instead of (n, 6, 3, height, width)")
        _check_count(f"GT_{split}_3fps.pt", len(tensor), count)
        for start in range(0, len(tensor), _BLOCK):
            yield _bytes(np.asarray(tensor[start : start + _BLOCK]).transpose(0, 1, 3, 4, 2), f"GT_{split}_3fps.pt")


def mindvideo_frames(raw: Path) -> Iterator[np.ndarray]:
    """Yield the frames of all clips, training first, as uint8 (n, 6, height, width, 3).

    Raises:
        DataError: another shape.
    """
    from brainflix.io.legacy import load_npy

    for split, count in zip(SPLITS, (N_TRAIN, N_TEST), strict=True):
        name = f"video_{split}_256_3hz.npy"
        found = load_npy(raw / name)
        if found.ndim not in (5, 6) or found.shape[-1] != 3:
            raise DataError(f"{name} has shape {found.shape} instead of (segments, 240, 6, height, width, 3)")
        flat = found.reshape(-1, *found.shape[-4:])
        _check_count(name, len(flat), count)
        for start in range(0, len(flat), _BLOCK):
            yield _bytes(np.asarray(flat[start : start + _BLOCK]), name)


def _check_count(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise DataError(f"{name} holds {found} clips instead of {expected}")


def _bytes(frames: np.ndarray, name: str) -> np.ndarray:
    """Return frames as bytes; floats count from 0 to 1."""
    if frames.dtype == np.uint8:
        return frames
    if not np.isfinite(frames).all() or frames.min() < -1e-3 or frames.max() > 1 + 1e-3:
        raise DataError(f"{name} has values from {frames.min()} to {frames.max()}, where frames have 0 to 1")
    return np.clip(np.rint(frames * 255.0), 0, 255).astype(np.uint8)
