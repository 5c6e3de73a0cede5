"""The papers' protocols as parts: `videos` against `truth`, scored as `score` scores folders of the same clips.

Frames come from the artifacts as they are stored, a clip at a time, so that memory does not grow with the film.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from brainflix.errors import DataError, IntegrityError
from brainflix.evaluate.bootstrap import block_clusters
from brainflix.evaluate.clock import regular
from brainflix.evaluate.choosing import choose_metrics
from brainflix.evaluate.folders.engine import Choices, How, Scored, score_source
from brainflix.evaluate.staging import Source
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS, Checkpoint
from brainflix.evaluate.parts import PaperParams
from brainflix.evaluate.protocols import find_protocol
from brainflix.evaluate.scorecard import Scorecard
from brainflix.io.clip_read import Clip
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Clips, Videos

# What is on this machine is no part of a key.
STAYS = (
    "what is not scored stays so in this artifact and its report; once it can be, "
    "delete them with brainflix store gc --remove, and run again"
)


def score(params: PaperParams, inputs: Inputs, work: Work) -> Scorecard:
    """Score videos under the protocol of `params`.

    Raises:
        DataError: a role holds several artifacts, the videos are of clips that the truth has not, or their frames do
            not fit the protocol.
    """
    # Asked for first: the manifest names the device, and the number of threads holds.
    compute = work.compute()
    truth, prediction = _open(inputs, "truth"), _open(inputs, "videos")
    clips = _in_order(Clips.load(truth.artifact), prediction.ids)
    protocol = find_protocol(params.PROTOCOL)
    choices = Choices(
        protocol=protocol,
        metrics=choose_metrics(params.metrics, protocol, bug_compat=params.bug_compat),
        checkpoints=_checkpoints(params),
        how=How(
            bug_compat=params.bug_compat,
            cache=work.cache,
            device=str(compute.device),
            clips_per_batch=work.clips_per_batch,
            block=longest_block(clips, params.block_s),
            n_draws=params.repairings,
            seed=work.seed,
            workers=torch.get_num_threads(),
        ),
    )
    source = Source(clips.ids, lambda name: (truth.read(name), prediction.read(name)))
    with tempfile.TemporaryDirectory(prefix="brainflix-evaluate-") as folder:
        scored = score_source(source, choices, Path(folder), work.progress.track)
        return Scorecard(scored.plan.protocol, clips.ids, scored.result.lines, _tables(scored, protocol.notes))


def longest_block(clips: Clips, block_s: float) -> int:
    """Return how many clips the fullest stimulus block of `block_s` seconds holds (docs/scoring.md, Intervals).

    Protocols of folders know blocks by their number of clips alone. Where blocks differ, the fullest is the safe one:
    permutation never moves a clip by less than a block.
    """
    return int(np.bincount(block_clusters(clips.segment, clips.onset_s, block_s)).max())


@dataclass(frozen=True, eq=False)
class _Film:
    """Videos in an artifact, of which one clip at a time is read: its ids, frame rate, and frames on disk."""

    artifact: Artifact
    ids: tuple[str, ...]
    fps_hz: float
    frames: zarr.Array[Any]

    def read(self, name: str) -> Clip:
        """Return one clip with its clock.

        Raises:
            DataError: it is not there.
            IntegrityError: its frames are damaged.
        """
        row = int(find_clips(self.artifact, self.ids, [name])[0])
        try:
            frames = np.asarray(self.frames[row], np.uint8)
        except ValueError as error:
            what, advice = (
                f"{self.artifact.ref} is damaged at clip {name}",
                f"brainflix store verify {self.artifact.ref}",
            )
            raise IntegrityError(what, why=str(error), next=advice) from error
        return Clip(frames, regular(len(frames), self.fps_hz).starts_s, "array")


def _open(inputs: Mapping[str, Sequence[Artifact]], role: str) -> _Film:
    """Open the one artifact of videos that a role holds."""
    first, *others = inputs[role]
    if others:
        what = f"{len(others) + 1} artifacts are given as {role}"
        raise DataError(what, why="a paper's protocol scores one system against one truth", next="make a step of each")
    about = first.json(Videos.FILE)
    return _Film(first, tuple(about["clip_ids"]), float(about["fps_hz"]), first.array("frames"))


def _in_order(clips: Clips, ids: Sequence[str]) -> Clips:
    """Return the clips of these ids by segment, in the segments' own order, and onset: blocks are neighbours then."""
    taken = clips.take(clips.places(ids))
    number = {name: place for place, name in enumerate(dict.fromkeys(clips.segment))}
    return taken.take(np.lexsort((taken.onset_s, np.array([number[name] for name in taken.segment]))))


def _checkpoints(params: PaperParams) -> dict[str, Checkpoint]:
    """Return the table of checkpoints with what the parameters pin."""
    given = params.checkpoints.items()
    pinned = {key: replace(CHECKPOINTS[key], name=each.weights, revision=each.revision) for key, each in given}
    return CHECKPOINTS | pinned


def _tables(scored: Scored, notes: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what a reader must know beside the scores; tables without a row are left out."""
    skipped = [dict(each) for each in scored.result.skipped]
    _, n_frames, height, width, _ = scored.inputs.truth.shape
    size = f"{n_frames} frames of {width}x{height} are compared, in blocks of {scored.plan.block} clips"
    tables: dict[str, list[dict[str, Any]]] = {
        "Not scored": skipped,
        "Checkpoints": [
            {"network": key, "source": each.name, "revision": each.pin} for key, each in scored.weights.items()
        ],
        "Notes": [{"note": note} for note in (size, *notes, *scored.inputs.notes, *([STAYS] if skipped else ()))],
    }
    return {title: rows for title, rows in tables.items() if rows}
