"""CC2017's array releases as rows: runs of 240 clips, repeats as they are, copies found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.datasets.cc2017.arrays_layout import N_TEST, N_TRAIN, SEGMENTS, fmri_path
from brainflix.datasets.cc2017.parts import ArraysParams
from brainflix.errors import DataError, UsageError
from brainflix.io.legacy import load_npy, load_pt
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, Space, gather
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.scratch import scratch_rows
from brainflix.store.schema import Clips, Responses

_CLIPS_PER_RUN = 240


def tensors(params: ArraysParams, inputs: Inputs, work: Work) -> Noted:
    """Read the released arrays of a subject.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a file is not in the subject's artifact.
        DataError: another number of clips or columns, or values that are not finite.
        IntegrityError: a file is damaged or holds something else than arrays, or a run is a copy of another segment's.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the arrays of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw = inputs["raw"][0]
    clips = dataset.load_clips(raw.path)
    kept: list[tuple[str, NDArray[Any]]] = []
    for split, count in (("train", N_TRAIN), ("test", N_TEST)):
        path = raw.file(fmri_path(params.release, work.subject, split))
        values = as_repeats(load_pt(path) if path.suffix == ".pt" else load_npy(path), count, path.name)
        kept.append((split, values))
    n_columns = {values.shape[2] for _, values in kept}
    if len(n_columns) > 1 or (params.n_columns or min(n_columns)) not in n_columns:
        raise DataError(
            f"the arrays have {sorted(n_columns)} columns", why=f"expected {params.n_columns or 'one number'}"
        )
    width = n_columns.pop()
    space = Space((f"{params.release}-{work.subject}",) * width, np.arange(width, dtype=np.int32), ("",) * width)
    n_rows = sum(len(values) * values.shape[1] for _, values in kept)
    rows = scratch_rows((n_rows, width), work.store.root)
    seen = Presentations(keep_copies=not params.drop_copies)
    fields = gather(counted((run for part in kept for run in _runs(*part, clips)), seen), rows)
    responses = Responses(
        **fields,
        clips=clips,
        structure=space.structure,
        index=space.index,
        area=space.area,
        masks={"selected": np.ones(width, bool)},
    )
    return Noted(responses, seen.notes())


def as_repeats(found: Any, n_clips: int, name: str) -> NDArray[Any]:
    """Return responses as (n_clips, n_repeats, n_columns), whatever a release's axes are.

    Args:
        found: (n_clips, n_columns), (n_clips, n_repeats, n_columns) or (n_segments, 240, n_columns).
        n_clips: clips that there must be.
        name: of the file, for messages.

    Raises:
        DataError: it is none of these.
    """
    shape: tuple[int, ...] = tuple(getattr(found, "shape", ()))
    if len(shape) == 3 and shape[1] == _CLIPS_PER_RUN and shape[0] * shape[1] == n_clips:
        return np.asarray(found).reshape(n_clips, 1, shape[2])
    if len(shape) == 2 and shape[0] == n_clips:
        return np.asarray(found)[:, None]
    if len(shape) == 3 and shape[0] == n_clips:
        return np.asarray(found)
    raise DataError(f"{name} has shape {shape}, which is not {n_clips} clips by repeats by columns")


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(length > 0, length, np.inf), np.float64)


def _runs(split: str, values: NDArray[Any], clips: Clips) -> Iterator[Run]:
    """Yield one run for each segment and repeat."""
    segments = [segment for segment in SEGMENTS if segment.startswith("test") == (split == "test")]
    for place, segment in enumerate(segments):
        first = clips.segment.index(segment)
        part = slice(place * _CLIPS_PER_RUN, (place + 1) * _CLIPS_PER_RUN)
        for number in range(values.shape[1]):
            block = np.asarray(values[part, number], np.float32)
            if not np.isfinite(block).all():
                raise DataError(f"{split} responses to {segment} hold values that are not finite")
            yield Run(f"{segment}_{number + 1}", block, first + np.arange(_CLIPS_PER_RUN), number + 1)
