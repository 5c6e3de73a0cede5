"""The clips' frames at a fixed clock and size: what other extractors read, and the ground truth of scores.

This is the only decoding of the stimuli. An extractor that needs fewer or smaller frames takes them from this artifact
(its `n_frames` and its own resizing), so that the artifact has as many and as large frames as the most demanding one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from brainflix.errors import DataError
from brainflix.io.cut import cut
from brainflix.io.frames import evenly, resize
from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.dataset import Dataset
from brainflix.parts.lazy import load
from brainflix.parts.work import Work
from brainflix.store.checks import write_json
from brainflix.store.row_writer import RowWriter
from brainflix.store.schema import Clips, Videos, create_frames
from brainflix.targets.parts import FramesParams


def extract(params: FramesParams, inputs: Inputs, work: Work) -> Film:
    """Decode each film once and keep `n_frames` frames of every clip, or choose from given frames."""
    raw = inputs["stimuli"][0].path
    clips, dataset = work.dataset.load_clips(raw), work.dataset
    notes: dict[str, None] = {}
    found = _given(raw, dataset, params) if dataset.frames else _cut(raw, clips, dataset, params, work, notes)
    return Film(clips, found, dataset, params, notes)


@dataclass(frozen=True, eq=False)
class Film:
    """Frames of all clips, which go to the artifact as they come: a film's clips are never in memory together.

    Attributes:
        clips: the table of clips.
        found: place and frames (n_frames, size, size, 3) of each clip, one film after another.
        dataset, params: whose frames, and which.
        notes: what must be known of the films, which comes while they are decoded.
    """

    clips: Clips
    found: Iterator[tuple[int, np.ndarray]]
    dataset: Dataset
    params: FramesParams
    notes: dict[str, None] = field(default_factory=dict)

    def save(self, folder: Path) -> Notes:
        """Write the frames.

        Raises:
            DataError: there are frames of more or fewer clips than the table has.
        """
        clips, n_frames, size = self.clips, self.params.n_frames, self.params.size_px
        count = 0
        with RowWriter(folder, create_frames(folder, (len(clips), n_frames, size, size, 3))) as writer:
            for frames in _in_order(self.found):
                count += 1
                if count > len(clips):
                    break
                writer.put(frames)
        if count != len(clips):
            more = "more" if count > len(clips) else f"only {count}"
            raise DataError(f"{self.dataset.name} has frames of {more} clips, where its table has {len(clips)} clips")
        clips.save(folder)
        write_json(folder / Videos.FILE, {"clip_ids": clips.ids, "fps_hz": n_frames / self.dataset.clip_s})
        return {"n_clips": len(clips), "n_frames": n_frames, **({"films": list(self.notes)} if self.notes else {})}


def _in_order(found: Iterator[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield the frames of clips by their place; those of a film whose clips the table scatters wait for their turn."""
    waiting: dict[int, np.ndarray] = {}
    due = 0
    for place, frames in found:
        waiting[place] = frames
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _given(raw: Path, dataset: Dataset, params: FramesParams) -> Iterator[tuple[int, np.ndarray]]:
    """Yield place and frames (n_frames, size, size, 3) of each clip of a data set that has frames instead of films."""
    size, place = params.size_px, 0
    for block in load(dataset.frames)(raw):
        if params.sampling == "ends":
            at = evenly(block.shape[1], params.n_frames)
        else:
            within_s = np.arange(params.n_frames) * dataset.clip_s / params.n_frames
            at = np.minimum(np.floor(within_s * dataset.frames_hz + 0.5).astype(int), block.shape[1] - 1)
        for clip in block:
            yield place, resize(clip[at], size, size)
            place += 1


def _cut(
    raw: Path, clips: Clips, dataset: Dataset, params: FramesParams, work: Work, notes: dict[str, None]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield place and frames (n_frames, size, size, 3) of each clip, one film after another."""
    places: dict[str, list[int]] = {}
    for place, segment in enumerate(clips.segment):
        places.setdefault(segment, []).append(place)
    for segment in work.progress.track(list(places), "segments"):
        film, own = dataset.film_path(raw, segment), places[segment]
        onsets = clips.onset_s[own].tolist()
        how = (params.n_frames, params.size_px, params.sampling)
        for number, frames in cut(film, onsets, dataset.clip_s, *how, notes=notes):
            yield own[number], frames
