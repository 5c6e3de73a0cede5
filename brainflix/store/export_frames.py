"""Frames of an exported artifact as pictures that anything can read, with the table of its clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.errors import MissingError
from brainflix.io.clip_table import FRAMES, ClipTable
from brainflix.store.artifact import Artifact
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.schema import Videos
from brainflix.store.store import Store

# How many steps of inputs are asked where the clips of an artifact lie.
DEPTH = 3


def write_frames(store: Store, artifact: Artifact, folder: Path) -> None:
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
