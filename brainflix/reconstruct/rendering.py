"""From a generator to videos: conditions of the clips of a split in batches in, frames and a few previews out.

Each batch waits in the store's spool of this job, so that a killed run goes on after its last whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.io.video import encode
from brainflix.parts.contract import Inputs, Notes, PartFunction
from brainflix.parts.work import Work
from brainflix.reconstruct.generator import Batch, Generator
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Clips, Predictions, Targets, Videos
from brainflix.store.spool import Spool
from brainflix.store.spools import rows_folder

N_PREVIEWS = 4
CONDITION_KINDS = ("targets", "predictions", "videos")


def rendering(load: Callable[[Any, Inputs, Work], Generator]) -> PartFunction:
    """Return the part whose generator `load(params, inputs, work)` loads once.

    The part generates the clips of `params.split`, of the test clips if the parameters do not say. Its role `clips`
    (frames of all clips) says which clips there are, how many frames they have and at which rate. Every other role
    that holds values, frames or captions is a condition.
    """

    def part(params: Any, inputs: Inputs, work: Work) -> Rendered:
        clips = Clips.load(inputs["clips"][0])
        wanted = clips.take(clips.of(getattr(params, "split", "test")))
        conditions = read_conditions(inputs, wanted.ids)
        read = [artifact for artifacts in inputs.values() for artifact in artifacts]
        return Rendered(load(params, inputs, work), wanted.ids, conditions, inputs["clips"][0], read, work)

    return part


@dataclass(frozen=True, eq=False)
class Rendered:
    """Videos that are generated while they are saved.

    Attributes:
        generator: loaded.
        clip_ids: the clips.
        conditions: what the generator is told of them, by role, arrays of shape (n_clips, ...).
        like: frames of the true clips, which say how many frames a clip has and at which rate.
        read: every artifact that the job reads; what waits belongs to their very bytes.
        work: whose job it is, how many clips are generated at once, and the progress.
    """

    generator: Generator
    clip_ids: tuple[str, ...]
    conditions: Mapping[str, np.ndarray]
    like: Artifact
    read: Sequence[Artifact]
    work: Work

    def save(self, folder: Path) -> Notes:
        """Generate every clip that does not wait already, and write the frames and a few mp4 previews.

        Raises:
            DataError: there is no clip, or the generator made something else than frames of one shape.
        """
        n_clips, n_frames, step = len(self.clip_ids), self.like.array("frames").shape[1], self.work.clips_per_batch
        if not n_clips:
            raise DataError(f"{self.like.ref} has no clip to generate", next="check the step's split")
        # In memory, where all videos must be in the end: a file that is held open for each batch could be too many.
        made_by = {**self.generator.notes, **self.work.compute().where()}
        folder_of_rows = rows_folder(self.work.store.root, self.work.ref, self.read, made_by)
        spool = Spool(folder_of_rows, np.dtype(np.uint8), mapped=False)
        starts = range(0, n_clips, step)
        for start in self.work.progress.track(starts, "batches of clips"):
            stop = min(start + step, n_clips)
            if not spool.holds(start, stop):
                self._add(spool, slice(start, stop), n_frames)
        made = spool.rows(n_clips)
        # Other numbers of frames than the truth's still fill the clip's time.
        rate_hz = self.like.json(Videos.FILE)["fps_hz"] * (made.shape[1] / n_frames)
        videos = Videos(made, self.clip_ids, rate_hz)
        videos.save(folder)
        write_previews(videos, folder / "previews")
        return {**self.generator.notes, "clips_per_batch": step}

    def _add(self, spool: Spool, batch: slice, n_frames: int) -> None:
        """Generate one batch and let it wait."""
        ids = self.clip_ids[batch]
        told = Batch(ids, self._of(batch), n_frames, self.work.progress.track)
        # The record checks what the generator made; nothing of another type may wait.
        frames = Videos(self.generator(told), ids, 1.0).frames
        if spool.shape not in (None, frames.shape[1:]):
            raise DataError(
                f"clips from {ids[0]} on have frames of shape {frames.shape[1:]}",
                why=f"those before have {spool.shape}",
            )
        spool.add(batch.start, frames)

    def _of(self, batch: slice) -> dict[str, np.ndarray]:
        return {role: values[batch] for role, values in self.conditions.items()}


def read_conditions(inputs: Inputs, clip_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what the generator is told of the clips, by role, arrays of shape (n_clips, ...).

    Raises:
        UsageError: a role has several artifacts, such as the predictions of several subjects.
        DataError: an artifact lacks a clip; both are named.
    """
    found = {}
    for role, artifacts in inputs.items():
        conditional = [artifact for artifact in artifacts if artifact.ref.kind in CONDITION_KINDS]
        if role == "clips" or not conditional:
            continue
        if len(conditional) > 1:
            raise UsageError(
                f"reconstruct takes one artifact as {role!r}, not {len(conditional)}",
                why=f"{', '.join(str(each.ref) for each in conditional)}",
                next="run the step for each subject, or name one subject in the input",
            )
        found[role] = condition(conditional[0], clip_ids)
    return found


def condition(artifact: Artifact, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the values, frames or captions (texts) of the clips `clip_ids`, (n_clips, ...), from any such artifact.

    Raises:
        DataError: the artifact lacks a clip; both are named.
    """
    if "frames" in artifact.names():
        videos = Videos.load(artifact)
        return videos.frames[find_clips(artifact, videos.clip_ids, clip_ids)]
    if Captions.are_in(artifact):
        said = Captions.load(artifact)
        return np.array(said.captions, dtype=np.str_)[find_clips(artifact, said.clip_ids, clip_ids)]
    if artifact.ref.kind == "targets":
        targets = Targets.load(artifact)
        return targets.values[find_clips(artifact, targets.clips.ids, clip_ids)]
    predictions = Predictions.load(artifact)
    return predictions.values[find_clips(artifact, predictions.clip_ids, clip_ids)]


def write_previews(videos: Videos, folder: Path) -> None:
    """Write the first clips as mp4, with an edge pixel more where a side is odd, which the codec does not take."""
    folder.mkdir()
    for clip_id, clip in list(zip(videos.clip_ids, videos.frames, strict=True))[:N_PREVIEWS]:
        height, width = clip.shape[1:3]
        even = np.pad(clip, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        encode(even, videos.fps_hz, folder / f"{clip_id}.mp4")
