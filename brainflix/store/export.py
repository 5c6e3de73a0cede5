"""Export: a verified copy of an artifact, outside the store; of videos also their frames as pictures."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.io.clip_table import FRAMES, ClipTable
from brainflix.store import disk
from brainflix.store.artifact import Artifact
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.manifest import MANIFEST_NAME
from brainflix.store.refs import Ref
from brainflix.store.schema import Videos
from brainflix.store.store import Store
from brainflix.store.verify import verify_files

# How many steps of inputs are asked where the clips of an artifact lie.
DEPTH = 3


def export(store: Store, ref: Ref, folder: Path) -> Path:
    """Copy the files and the manifest of an artifact into a new folder, and verify the copy.

    Videos and true frames are also written as `frames/<clip>/0000.png ...`, with a clips.csv that says where the clips
    lie in their film, so that anything can read them and `score` scores them as it scores the artifact.

    Args:
        store: where the artifact is.
        ref: the artifact.
        folder: the folder to make; it appears whole or not at all.

    Returns:
        The folder.

    Raises:
        MissingError: there is no such artifact.
        IntegrityError: the artifact is damaged; nothing is left behind.
        UsageError: the folder exists and is not empty.
        ResourceError: the disk is full or not writable.
    """
    artifact = store.open(ref)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} exists", why="export makes a new folder", next="name another folder")
    target = folder.absolute()
    copy = target.parent / f".{target.name}.{uuid.uuid4().hex}.partial"
    try:
        disk.make_folders(copy, sync=False)
        for path in (*(entry.path for entry in artifact.manifest.files), MANIFEST_NAME):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifact.path / path, copy / path)
        problems = verify_files(copy, artifact.manifest)
        if problems:
            raise IntegrityError(f"{ref} is damaged: {problems[0]}", next=f"brainflix store verify {ref}")
        if "frames" in artifact.names():
            _write_frames(store, artifact, copy)
        os.rename(copy, target)
    except OSError as error:
        raise disk.resource_error(error, target, f"export {ref} to") from error
    finally:
        disk.remove_tree(copy)
    return folder


def _write_frames(store: Store, artifact: Artifact, folder: Path) -> None:
    """Write the frames of every clip as PNG, and the table of the clips."""
    about, frames = artifact.json(Videos.FILE), artifact.array("frames")
    ids, rate = tuple(about["clip_ids"]), float(about["fps_hz"])
    for row, name in enumerate(ids):
        place = folder / FRAMES / name
        place.mkdir(parents=True)
        for number, frame in enumerate(np.asarray(frames[row], np.uint8)):
            Image.fromarray(frame).save(place / f"{number:04d}.png", compress_level=1)
    clips = _clips_of(store, artifact, ids, DEPTH)
    if clips is None:
        ClipTable(ids, fps_hz=rate).write(folder)
        return
    clips = clips.take(clips.places(ids))
    split = tuple(SPLITS[number] for number in clips.split)
    ClipTable(ids, clips.segment, clips.onset_s, split, rate).write(folder)


def _clips_of(store: Store, artifact: Artifact, ids: tuple[str, ...], depth: int) -> Clips | None:
    """Return the clips of the artifact, or of the nearest input that knows them all; None if none does."""
    if (artifact.path / Clips.FILE).is_file():
        clips = Clips.load(artifact)
        if set(ids) <= set(clips.ids):
            return clips
    if not depth:
        return None
    inputs = artifact.manifest.inputs
    # The role `clips` is what videos are made for.
    for role in sorted(inputs, key=lambda name: name != "clips"):
        for ref in inputs[role]:
            try:
                below = store.open(ref)
            except MissingError:
                continue
            found = _clips_of(store, below, ids, depth - 1)
            if found is not None:
                return found
    return None
