"""Where HAD keeps what is worth fetching, and its table of clips, which the list of files gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.manifest import manifest_files
from brainflix.io.texts import read_lines
from brainflix.store.clips import Clips, groups_of

BUCKET = "https://s3.amazonaws.com/openneuro.org/ds004488"
SESSION = "ses-action01"
N_CYCLES, N_ACTIONS = 4, 180
_RESULTS, _STIMULI = "ds004488_1.1.1_ciftify_results", "ds004488_1.1.1_stimuli"
_CLIP = re.compile(r"v_(?P<action>.+)_id_(?P<id>.{11})_start_(?P<start>[0-9.]+)_label_\d+\.mp4")


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Return all clips, or a subject's estimates or series of the session that has estimates."""
    if subject is None:
        return list(_films())
    kinds = {"betas": ("_beta.dscalar.nii", "_label.txt"), "bold": ("_Atlas.dtseries.nii",)}
    endings = tuple(ending for what in params["what"] for ending in kinds[what])
    folder = f"/sub-{subject:02d}/results/{SESSION}_"
    return manifest_files(_RESULTS, BUCKET, lambda path: folder in path and path.endswith(endings))


@lru_cache(maxsize=1)
def _films() -> tuple[RemoteFile, ...]:
    return tuple(manifest_files(_STIMULI, BUCKET))


def beta_path(subject: int, cycle: int) -> Path:
    """Return where the estimates of a cycle lie."""
    return Path(f"derivatives/ciftify/sub-{subject:02d}/results/{SESSION}_task-action_cycle-{cycle}_beta.dscalar.nii")


def label_path(subject: int, cycle: int) -> Path:
    """Return where the names of a cycle's clips lie."""
    return Path(f"derivatives/ciftify/sub-{subject:02d}/results/{SESSION}_task-action_cycle-{cycle}_label.txt")


def clip_id(name: str) -> str:
    """Return a clip's id from its file name: action, film and second, safe as a file name.

    Raises:
        DataError: not a clip's name.
    """
    match = _CLIP.fullmatch(PurePosixPath(name.strip()).name)
    if not match:
        raise DataError(f"{name.strip()!r} is not the name of a HAD clip")
    action = re.sub(r"[^A-Za-z0-9]+", "-", match["action"]).strip("-")
    return f"{action[:36]}_{match['id']}_{match['start']}"


def read_labels(path: Path) -> list[str]:
    """Return the ids of a cycle's clips, in the order of its maps.

    Raises:
        IntegrityError: it is no text.
        DataError: another number of lines than actions, or a line that names no clip.
    """
    lines = [line for line in read_lines(path) if line.strip()]
    if len(lines) != N_ACTIONS:
        raise DataError(f"{path.name} names {len(lines)} clips instead of {N_ACTIONS}")
    return [clip_id(line) for line in lines]


def action_of(clip: str) -> str:
    """Return the action that a clip's id begins with."""
    return clip[: -len("_xxxxxxxxxxx") - len(clip.rpartition("_")[2]) - 1]


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of all 21600 clips from the shipped list; which subject saw which is in the subjects' files.

    All count as training clips here: the split is each subject's own and stands in its responses.
    """
    return clips_of([file.path for file in _films()], digests())


def clips_of(paths: Sequence[str], digests: Mapping[str, str], split: Sequence[int] | None = None) -> Clips:
    """Return a table of clips by their paths; equal digests are one group."""
    ids = tuple(clip_id(path) for path in paths)
    return Clips(
        ids=ids,
        segment=ids,
        onset_s=np.zeros(len(ids)),
        split=np.zeros(len(ids)) if split is None else np.asarray(split),
        caption=("",) * len(ids),
        dup_group=groups_of([digests[path] for path in paths]),
    )


@lru_cache(maxsize=1)
def paths_by_id() -> dict[str, str]:
    """Return the path of each clip's film by its id."""
    return {clip_id(file.path): file.path for file in _films()}


def digests() -> dict[str, str]:
    """Return the published digest of each film by its path."""
    return {file.path: file.digest for file in _films()}


def film_path(raw: Path, segment: str) -> Path:
    """Return the film of a clip.

    Raises:
        DataError: no such clip.
    """
    if segment not in paths_by_id():
        raise DataError(f"HAD has no clip {segment!r}")
    return raw / paths_by_id()[segment]
