"""The door of `preprocess`: a subject's raw runs in, one clean row per clip presentation out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    from brainflix.preprocess.cc2017 import Cleaned
    from brainflix.store.schema import Clips, Responses

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Clean the runs, test their reproducibility, and write rows, statistics and the selection mask."""
    from brainflix.datasets.cc2017_layout import find_runs
    from brainflix.datasets.clips import load_clips
    from brainflix.preprocess.cc2017 import preprocess, reproducibility, selected
    from brainflix.preprocess.params import Cc2017Params

    dataset: Dataset = registry.find("dataset", job.dataset).load()
    params = Cc2017Params.model_validate(job.params)
    clips = load_clips(inputs["stimuli"][0].path, dataset.clip_s)
    n_clips = {segment: clips.segment.count(segment) for segment in dict.fromkeys(clips.segment)}
    assert job.subject is not None
    runs = find_runs(inputs["raw"][0].path, job.subject)
    cleaned = preprocess(tools.progress.track(runs, "runs"), n_clips, dataset.tr_s, params)
    reliability = reproducibility(cleaned, params)
    responses = _responses(cleaned, clips, selected(reliability, params), reliability)
    responses.save(out.path)
    n = int(responses.masks["selected"].sum())
    out.notes |= {"n_selected": n, "n_grayordinates": len(responses.area), "n_runs": len(cleaned.segment)}
    tools.progress.say(f"subject {job.subject}: {n} of {len(responses.area)} grayordinates selected")


def area_names(cleaned: Cleaned) -> tuple[str, ...]:
    """Return the area of each column by the shipped table of (structure, vertex); "" where it does not know."""
    from brainflix.io.areas import load_areas

    table = load_areas()
    columns = zip(cleaned.structure, cleaned.vertex.tolist(), strict=True)
    return tuple(table.get(column, "") for column in columns)


def _responses(cleaned: Cleaned, clips: Clips, mask: object, reliability: object) -> Responses:
    """Put the trial table beside the rows."""
    import numpy as np

    from brainflix.store.schema import Responses

    first = {segment: clips.segment.index(segment) for segment in dict.fromkeys(clips.segment)}
    counts = cleaned.clips_per_run
    return Responses(
        response=cleaned.rows,
        clip=np.concatenate([first[s] + np.arange(n) for s, n in zip(cleaned.segment, counts, strict=True)]).astype(
            np.int32
        ),
        repeat=np.repeat(np.array(cleaned.repeat, np.int16), counts),
        run=np.repeat(np.arange(len(counts), dtype=np.int16), counts),
        run_names=tuple(f"{s}_{r}" for s, r in zip(cleaned.segment, cleaned.repeat, strict=True)),
        clips=clips,
        area=area_names(cleaned),
        structure=cleaned.structure,
        index=cleaned.vertex,
        stats={"t": reliability.t, "p": reliability.p, "z_mean": reliability.z_mean},  # type: ignore[attr-defined]
        masks={"selected": mask, "constant": cleaned.constant},  # type: ignore[dict-item]
    )
