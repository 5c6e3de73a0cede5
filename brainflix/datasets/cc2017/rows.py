"""The preprocessings as parts: read a subject's raw artifacts, clean them, and put the trial table beside the rows."""

from __future__ import annotations

import numpy as np

from brainflix.datasets.cc2017.cleaning import Cleaned, preprocess, reproducibility, segment_ceilings, selected
from brainflix.datasets.cc2017.layout import find_runs
from brainflix.datasets.cc2017.parts import Cc2017Params
from brainflix.errors import UsageError
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.reliability import Reliability
from brainflix.scratch import scratch_rows
from brainflix.store.schema import Clips, Responses


def cc2017(params: Cc2017Params, inputs: Inputs, work: Work) -> Noted:
    """Clean every run as CC2017 does and test its reproducibility.

    Raises:
        UsageError: the job is of no subject, and raw runs belong to one.
        DataError: a run of another space, repetition time or length.
        IntegrityError: a run is a copy of another segment's, or too few runs were measured to tell what repeats.
    """
    if work.subject is None:
        raise UsageError(
            "preprocess cleans the runs of one subject, and this step is of none",
            next="remove `subjects: none` from the step, or name subjects in dataset.subjects",
        )
    dataset: Dataset = work.dataset
    clips = dataset.load_clips(inputs["stimuli"][0].path)
    n_clips = {segment: clips.segment.count(segment) for segment in dict.fromkeys(clips.segment)}
    runs = find_runs(inputs["raw"][0].path, work.subject)
    cleaned = preprocess(
        runs,
        n_clips,
        dataset.tr_s,
        params,
        progress=work.progress,
        # Beside the artifact that they become, where there must be room for them anyway.
        allocate=lambda shape: scratch_rows(shape, work.store.root),
    )
    reliability = reproducibility(cleaned, params)
    return Noted(_responses(cleaned, clips, selected(reliability, params), reliability), cleaned.seen.notes())


def _responses(cleaned: Cleaned, clips: Clips, mask: np.ndarray, reliability: Reliability) -> Responses:
    """Put the trial table beside the rows; `mask` is of shape (n_grayordinates,)."""
    first = {segment: clips.segment.index(segment) for segment in dict.fromkeys(clips.segment)}
    counts = cleaned.clips_per_run
    starts = [first[s] + late for s, late in zip(cleaned.segment, cleaned.first_clip, strict=True)]
    clip = np.concatenate([start + np.arange(n) for start, n in zip(starts, counts, strict=True)])
    return Responses(
        response=cleaned.rows,
        clip=np.where(cleaned.counts, clip, -1).astype(np.int32),
        repeat=np.repeat(np.array(cleaned.repeat, np.int16), counts),
        run=np.repeat(np.arange(len(counts), dtype=np.int16), counts),
        run_names=tuple(f"{s}_{r}" for s, r in zip(cleaned.segment, cleaned.repeat, strict=True)),
        clips=clips,
        area=cleaned.area,
        structure=cleaned.structure,
        index=cleaned.vertex,
        stats={"t": reliability.t, "p": reliability.p, "z_mean": reliability.z_mean, **segment_ceilings(cleaned)},
        masks={"selected": mask, "constant": cleaned.constant},
    )
