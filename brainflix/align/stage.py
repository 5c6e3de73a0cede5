"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). Maps are fitted on training rows
alone; the columns are those selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.errors import DataError
from brainflix.memo import Latest
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    import numpy as np
    import torch

    from brainflix.align.maps import LinearMap
    from brainflix.store.responses import Responses

VERSION = 2
# The group's maps do not depend on whose rows are to be aligned.
_group_maps: Latest[tuple[LinearMap, ...]] = Latest()


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Fit the maps of the group and apply this subject's to all of its rows."""
    import numpy as np

    from brainflix.store.responses import Responses

    if inputs["bold"][0].ref not in [artifact.ref for artifact in inputs["group"]]:
        raise DataError(f"{inputs['bold'][0].ref} is not in its own group")
    group = [Responses.load(artifact) for artifact in inputs["group"]]
    own = [artifact.ref for artifact in inputs["group"]].index(inputs["bold"][0].ref)
    if any(one.area != group[own].area or (one.index != group[own].index).any() for one in group):
        raise DataError("the subjects lie on different grayordinates", next="brainflix preprocess with the same space")
    columns = np.flatnonzero(np.any([one.masks["selected"] for one in group], axis=0))
    if not columns.size:
        raise DataError("no grayordinate is selected in any subject", next="use preprocess.select=top")
    shared = _shared_clips(group)
    # Asked for on every subject, also where the maps are known already: the manifest names the device.
    device = tools.compute().algebra
    key = (job.part, str(job.params), str(device), *(artifact.manifest.key for artifact in inputs["group"]))
    maps = _group_maps.get(key, lambda: _fit(job, group, shared, columns, device))
    mapped = maps[own].apply(group[own].response[:, columns])
    replace(
        group[own],
        response=mapped.astype(np.float32),
        area=tuple(group[own].area[c] for c in columns),
        structure=tuple(group[own].structure[c] for c in columns),
        index=group[own].index[columns],
        stats={name: values[columns] for name, values in group[own].stats.items()},
        masks={name: values[columns] for name, values in group[own].masks.items()},
    ).save(out.path)
    out.notes |= {"n_columns": len(columns), "n_shared_clips": len(shared)}


def _shared_clips(group: Sequence[Responses]) -> list[int]:
    """Return the training clips that every subject saw: only on those can they be aligned."""
    return sorted(set.intersection(*(set(one.rows("train")[0].tolist()) for one in group)))


def _fit(
    job: Job, group: Sequence[Responses], shared: list[int], columns: np.ndarray, device: torch.device
) -> tuple[LinearMap, ...]:
    """Fit the part's maps on the training rows of the shared clips."""
    import numpy as np

    part = registry.find("align", job.part)
    rows = [one.rows("train") for one in group]
    sources = [row[np.searchsorted(clip, shared)][:, columns] for clip, row in rows]
    segments = np.array([group[0].clips.segment[c] for c in shared])
    maps: tuple[LinearMap, ...] = part.load()(sources, segments, part.load_params()(**job.params), device)
    return maps
