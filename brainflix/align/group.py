"""The group that is aligned: its subjects' responses on the columns that they share, and the clips that all saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainflix.errors import DataError, IntegrityError
from brainflix.store.artifact import Artifact
from brainflix.store.responses import Responses

_OTHER_SPACE = "the subjects lie on different grayordinates"
# A template of one clip is that clip.
_FEWEST_CLIPS = 2


@dataclass(frozen=True, eq=False)
class Group:
    """A group's responses.

    Attributes:
        subjects: responses of each subject, on the same columns.
        columns: which grayordinates of the subjects' own these are, (n_columns,).
    """

    subjects: tuple[Responses, ...]
    columns: np.ndarray

    def shared_clips(self, split: str = "train") -> list[str]:
        """Return the clips of a split that every subject saw, by id: only on those can they be aligned."""
        seen = [{one.clips.ids[c] for c in one.rows(split)[0].tolist()} for one in self.subjects]
        return [clip for clip in self.subjects[0].clips.ids if all(clip in ids for ids in seen)]

    def rows_of(self, ids: Sequence[str], split: str = "train") -> list[np.ndarray]:
        """Return each subject's rows of these clips of a split, (n_clips, n_columns)."""
        found = []
        for one in self.subjects:
            clip, rows = one.rows(split)
            found.append(rows[np.searchsorted(clip, one.clips.places(ids))])
        return found

    def segments(self, ids: Sequence[str]) -> np.ndarray:
        """Return the stimulus segment of each clip, (n_clips,)."""
        clips = self.subjects[0].clips
        return np.array([clips.segment[c] for c in clips.places(ids)])

    def check_can_align(self, shared: Sequence[str]) -> None:
        """Refuse what responses cannot align.

        Raises:
            DataError: nothing was shown to all.
            IntegrityError: two subjects have the very same rows in a run.
        """
        if len(shared) < _FEWEST_CLIPS:
            raise DataError(
                "no clip was seen by all subjects, so their responses cannot be matched"
                if not shared
                else f"only {len(shared)} training clips were seen by all subjects, too few to align them",
                why="HAD shows each clip once, to one subject; such data need anatomy or categories to align by",
                next="align.part=none",
            )
        for number, one in enumerate(self.subjects):
            for other in self.subjects[:number]:
                if names := _shared_runs(other, one):
                    raise IntegrityError(
                        f"two subjects have the very same data: {names[0]}",
                        why="brains never do; one subject's files lie under another's name",
                        next="fetch both subjects again",
                    )


def _shared_runs(one: Responses, other: Responses) -> list[str]:
    """Return the runs of `other` whose rows are those of a run of `one`, with the names of both."""
    known = {_rows_of(one, run)[:1].tobytes(): run for run in range(len(one.run_names)) if (one.run == run).any()}
    found = []
    for run, name in enumerate(other.run_names):
        rows = _rows_of(other, run)
        twin = known.get(rows[:1].tobytes())
        if len(rows) and twin is not None and rows.any() and np.array_equal(rows, _rows_of(one, twin)):
            found.append(f"run {one.run_names[twin]} of one is run {name} of the other")
    return found


def _rows_of(one: Responses, run: int) -> np.ndarray:
    rows: np.ndarray = one.response[one.run == run]
    return rows


def read_group(artifacts: Sequence[Artifact]) -> Group:
    """Read the responses of all subjects on the columns that are selected in any of them.

    Raises:
        DataError: subjects lie on different grayordinates, or nothing is selected.
    """
    columns = selected_columns(artifacts)
    # One subject after the other: whole cortices of all of them would not fit into a laptop's memory.
    subjects = tuple(Responses.load(artifact).take_columns(columns) for artifact in artifacts)
    first = subjects[0]
    if any(one.area != first.area or (one.index != first.index).any() for one in subjects):
        raise DataError(_OTHER_SPACE, next="brainflix preprocess with the same space")
    return Group(subjects, columns)


def selected_columns(artifacts: Sequence[Artifact]) -> np.ndarray:
    """Return the columns that are selected in any subject, (n_columns,).

    Raises:
        DataError: subjects have different numbers of columns, or nothing is selected.
    """
    masks = [artifact.load("masks/selected") for artifact in artifacts]
    if len({len(mask) for mask in masks}) > 1:
        raise DataError(_OTHER_SPACE, next="brainflix preprocess with the same space")
    columns = np.flatnonzero(np.any(masks, axis=0))
    if not columns.size:
        raise DataError("no grayordinate is selected in any subject", next="use preprocess.select=top")
    return columns
