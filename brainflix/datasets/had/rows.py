"""HAD's estimates as rows: four cycles, each with one exemplar of every action."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from brainflix.datasets.had.layout import (
    N_CYCLES,
    action_of,
    beta_path,
    clips_of,
    digests,
    label_path,
    paths_by_id,
    read_labels,
)
from brainflix.datasets.had.parts import HadParams
from brainflix.errors import DataError, UsageError
from brainflix.io.grayordinates import areas_of
from brainflix.io.maps import read_dscalar
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.work import Work
from brainflix.preprocess.areas import areas_named
from brainflix.preprocess.assemble import Run, Space, responses
from brainflix.preprocess.duplicates import hold_together
from brainflix.preprocess.masks import mask_of
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.preprocess.sessions import zscore_sessions
from brainflix.store.schema import Clips

TRAIN, VALIDATION, TEST = 0, 1, 2
# The last clips of the last training cycle choose among settings; the released code has no validation split.
N_VALIDATION = 60


def betas(params: HadParams, inputs: Inputs, work: Work) -> Noted:
    """Read the estimates of the four cycles of the session that has them.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a file is missing.
        DataError: labels and maps do not fit, or an action has several exemplars in a cycle.
        IntegrityError: a cycle is a copy of another.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the estimates of one subject, and this step is of none")
    raw = inputs["raw"][0]
    values, names = [], []
    space: Space | None = None
    columns = np.zeros(0, np.int64)
    for cycle in work.progress.track(range(1, N_CYCLES + 1), "cycles"):
        maps = read_dscalar(raw.file(str(beta_path(work.subject, cycle))))
        labels = read_labels(raw.file(str(label_path(work.subject, cycle))))
        if len(labels) != len(maps.data):
            raise DataError(f"cycle {cycle} has {len(maps.data)} maps and {len(labels)} labels")
        if space is None:
            columns, space = _columns(maps.structure, maps.index, params.within)
        values.append(maps.data[:, columns])
        names.append(labels)
    assert space is not None
    clips = table(names, params.test_cycle)
    n, seen = len(names[0]), Presentations()
    cycles = (Run(f"cycle-{c + 1}", values[c], np.arange(c * n, (c + 1) * n)) for c in range(N_CYCLES))
    runs = list(counted(cycles, seen))
    if params.zscore == "train":
        runs = _scaled(runs, clips)
    if work.subject == 3:
        work.progress.say("subject 3 has a second session of series without estimates; ses-action01 is used")
    return Noted(responses(runs, clips, space, masks={"selected": np.ones(len(space), bool)}), seen.notes())


def _scaled(runs: list[Run], clips: Clips) -> list[Run]:
    """Scale every column by the training rows of all cycles together."""
    rows, clip = np.concatenate([run.rows for run in runs]), np.concatenate([run.clip for run in runs])
    train = (clip >= 0) & (clips.split[clip] != TEST)
    scaled = zscore_sessions(rows, np.zeros(len(rows), int), train)
    ends = np.cumsum([len(run.rows) for run in runs])
    return [replace(run, rows=scaled[end - len(run.rows) : end]) for run, end in zip(runs, ends, strict=True)]


def table(names: list[list[str]], test_cycle: int) -> Clips:
    """Return the table of a subject's clips with its own split.

    Args:
        names: ids of the clips of each cycle, in the order of its maps.
        test_cycle: whose exemplars are for testing, from 1.

    Raises:
        DataError: a cycle has an action twice, or a clip that the data set has not.
    """
    for number, cycle in enumerate(names, start=1):
        action, count = Counter(map(action_of, cycle)).most_common(1)[0]
        if count > 1:
            raise DataError(
                f"cycle {number} has {count} exemplars of {action}", why="each cycle shows every action once"
            )
    known = paths_by_id()
    every = [clip for cycle in names for clip in cycle]
    if unknown := [clip for clip in every if clip not in known]:
        raise DataError(f"{unknown[0]} is no clip of the data set")
    split = np.concatenate([np.full(len(c), TEST if k == test_cycle else TRAIN) for k, c in enumerate(names, start=1)])
    last = np.flatnonzero(split == TRAIN)[-min(N_VALIDATION, len(names[0]) // 2) :]
    split[last] = VALIDATION
    paths = [known[clip] for clip in every]
    clips = clips_of(paths, digests())
    held = hold_together(split, clips.dup_group, stronger=(TEST, VALIDATION, TRAIN))
    return clips_of(paths, digests(), held.tolist())


def _columns(structure: np.ndarray, vertex: np.ndarray, within: str | None) -> tuple[np.ndarray, Space]:
    """Return which columns of a file are kept, and what they mean."""
    area = areas_of(structure, vertex)
    at = np.arange(len(area)) if within is None else np.flatnonzero(mask_of(area, areas_named(within)))
    return at, Space(tuple(structure[at].tolist()), vertex[at].astype(np.int32), tuple(area[at].tolist()))
