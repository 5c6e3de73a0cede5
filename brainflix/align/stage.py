"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). Maps are fitted on training rows
alone; the columns are those selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.errors import DataError
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Fit the map of this subject and apply it to all of its rows."""
    import numpy as np

    from brainflix.store.responses import Responses

    part = registry.find("align", job.part)
    group = [Responses.load(artifact) for artifact in inputs["group"]]
    names = [artifact.ref for artifact in inputs["group"]]
    if inputs["bold"][0].ref not in names:
        raise DataError(f"{inputs['bold'][0].ref} is not in its own group")
    own = names.index(inputs["bold"][0].ref)
    if any(one.area != group[own].area or (one.index != group[own].index).any() for one in group):
        raise DataError("the subjects lie on different grayordinates", next="brainflix preprocess with the same space")
    columns = np.flatnonzero(np.any([one.masks["selected"] for one in group], axis=0))
    if not columns.size:
        raise DataError("no grayordinate is selected in any subject", next="use preprocess.select=top")
    # Only clips that every subject saw can be aligned on.
    rows = [one.rows("train") for one in group]
    shared = sorted(set.intersection(*(set(clip.tolist()) for clip, _ in rows)))
    sources = [row[np.searchsorted(clip, shared)][:, columns] for clip, row in rows]
    segments = np.array([group[own].clips.segment[c] for c in shared])
    mapped = part.load()(sources, own, group[own].response[:, columns], segments, part.load_params()(**job.params))
    pick = {name: values[columns] for name, values in group[own].stats.items()}
    replace(
        group[own],
        response=mapped.astype(np.float32),
        area=tuple(group[own].area[c] for c in columns),
        structure=tuple(group[own].structure[c] for c in columns),
        index=group[own].index[columns],
        stats=pick,
        masks={name: values[columns] for name, values in group[own].masks.items()},
    ).save(out.path)
    out.notes |= {"n_columns": len(columns), "n_shared_clips": len(shared)}
