"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). Maps are fitted on training rows
alone; the columns are those selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from brainflix.errors import DataError
from brainflix.memo import Latest
from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    import numpy as np
    import torch

    from brainflix.align.agreement import Agreement
    from brainflix.align.maps import LinearMap
    from brainflix.store.responses import Responses

VERSION = 3
_OTHER_SPACE = "the subjects lie on different grayordinates"
# A template of one clip is that clip.
_FEWEST_CLIPS = 2
# The group's maps do not depend on whose rows are to be aligned.
_group_maps: Latest[tuple[LinearMap, ...]] = Latest()


_agreement: Latest[Agreement | None] = Latest()
FIGURE = "agreement.png"


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Fit the maps of the group and apply this subject's to all of its rows."""
    import numpy as np

    from brainflix.store.responses import Responses

    if inputs["bold"][0].ref not in [artifact.ref for artifact in inputs["group"]]:
        raise DataError(f"{inputs['bold'][0].ref} is not in its own group")
    own = [artifact.ref for artifact in inputs["group"]].index(inputs["bold"][0].ref)
    columns = _selected_columns(inputs["group"])
    # One subject after the other: whole cortices of all of them would not fit into a laptop's memory.
    group = [Responses.load(artifact).take_columns(columns) for artifact in inputs["group"]]
    if any(one.area != group[own].area or (one.index != group[own].index).any() for one in group):
        raise DataError(_OTHER_SPACE, next="brainflix preprocess with the same space")
    shared = _shared_clips(group)
    if job.part != "none":
        _check_can_align(group, shared)
    # Asked for on every subject, also where the maps are known already: the manifest names the device.
    device = tools.compute().algebra
    key = (job.part, str(job.params), str(device), *(artifact.manifest.key for artifact in inputs["group"]))
    maps = _group_maps.get(key, lambda: _fit(job, group, shared, device))
    mapped = maps[own].apply(group[own].response)
    replace(group[own], response=mapped.astype(np.float32)).save(out.path)
    out.notes |= {"n_columns": len(columns), "n_shared_clips": len(shared)}
    found = _agreement.get(key, lambda: _measure(group, maps))
    if found is not None:
        from brainflix.align.figure import draw

        out.notes |= found.notes()
        simulated = find("dataset", job.dataset).load().simulated
        draw(found, f"{job.part} (simulated data)" if simulated else job.part, out.path / FIGURE)


def _selected_columns(group: Sequence[Artifact]) -> np.ndarray:
    """Return the columns that are selected in any subject.

    Raises:
        DataError: subjects have different numbers of columns, or nothing is selected.
    """
    import numpy as np

    masks = [artifact.load("masks/selected") for artifact in group]
    if len({len(mask) for mask in masks}) > 1:
        raise DataError(_OTHER_SPACE, next="brainflix preprocess with the same space")
    columns = np.flatnonzero(np.any(masks, axis=0))
    if not columns.size:
        raise DataError("no grayordinate is selected in any subject", next="use preprocess.select=top")
    return columns


def _shared_clips(group: Sequence[Responses], split: str = "train") -> list[str]:
    """Return the clips of a split that every subject saw, by id: only on those can they be aligned."""
    seen = [{one.clips.ids[c] for c in one.rows(split)[0].tolist()} for one in group]
    return [clip for clip in group[0].clips.ids if all(clip in ids for ids in seen)]


def _check_can_align(group: Sequence[Responses], shared: Sequence[str]) -> None:
    """Refuse what responses cannot align.

    Raises:
        DataError: nothing was shown to all, or two subjects have the very same rows.
    """
    if len(shared) < _FEWEST_CLIPS:
        raise DataError(
            "no clip was seen by all subjects, so their responses cannot be matched"
            if not shared
            else f"only {len(shared)} training clips were seen by all subjects, too few to align them",
            why="HAD shows each clip once, to one subject; such data need anatomy or categories to align by",
            next="align.part=none",
        )
    for number, one in enumerate(group):
        for other in group[:number]:
            if one.response.shape == other.response.shape and (one.response[:64] == other.response[:64]).all():
                raise DataError(
                    "two subjects have the very same data",
                    why="brains never do; one subject's files lie under another's name",
                    next="fetch both subjects again",
                )


def _fit(job: Job, group: Sequence[Responses], shared: list[str], device: torch.device) -> tuple[LinearMap, ...]:
    """Fit the part's maps on the training rows of the shared clips."""
    import numpy as np

    part = find("align", job.part)
    sources = [_rows_of(one, shared) for one in group]
    places = group[0].clips.places(shared)
    segments = np.array([group[0].clips.segment[c] for c in places])
    maps: tuple[LinearMap, ...] = part.load()(sources, segments, part.load_params()(**job.params), device)
    return maps


def _measure(group: Sequence[Responses], maps: Sequence[LinearMap]) -> Agreement | None:
    """Measure agreement on the validation rows, which no map was fitted on and no result is reported on."""
    from brainflix.align.agreement import agreement

    shared = _shared_clips(group, "val")
    before = [_rows_of(one, shared, "val") for one in group] if shared else []
    after = [each.apply(rows) for each, rows in zip(maps, before, strict=False)]
    return agreement(before, after)


def _rows_of(one: Responses, ids: Sequence[str], split: str = "train") -> np.ndarray:
    """Return a subject's rows of these clips of a split, (n_clips, n_columns)."""
    import numpy as np

    clip, rows = one.rows(split)
    return rows[np.searchsorted(clip, one.clips.places(ids))]
