"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). Maps are fitted on training rows
alone; the columns are those selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from brainflix.errors import DataError
from brainflix.memo import Latest
from brainflix.parts.contract import Inputs, Notes, PartFunction
from brainflix.parts.work import Work

if TYPE_CHECKING:
    from brainflix.align.group_maps import GroupMaps
    from brainflix.store.responses import Responses

VERSION = 3
# The group's maps do not depend on whose rows are to be aligned.
_maps: Latest[GroupMaps] = Latest()


@dataclass(frozen=True, eq=False)
class Aligned:
    """A subject's responses in the group's space, and what the maps did to the group."""

    responses: Responses
    maps: GroupMaps

    def save(self, folder: Path) -> Notes:
        """Write the rows and the picture."""
        from brainflix.align.figure import draw
        from brainflix.align.group_maps import FIGURE

        self.responses.save(folder)
        if self.maps.found is not None:
            draw(self.maps.found, self.maps.title, folder / FIGURE)
        return self.maps.notes()


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Aligned:
    """Fit the maps of the group and apply this subject's to all of its rows.

    Raises:
        DataError: the subject is not in its own group, or the group cannot be aligned.
    """
    import numpy as np

    from brainflix.store.responses import Responses

    refs = [artifact.ref for artifact in inputs["group"]]
    if inputs["bold"][0].ref not in refs:
        raise DataError(f"{inputs['bold'][0].ref} is not in its own group")
    # Asked for on every subject, also where the maps are known already: the manifest names the device.
    device = work.compute().algebra
    key = (work.part, str(params), str(device), *(artifact.manifest.key for artifact in inputs["group"]))
    maps = _maps.get(key, lambda: _fitted(part(params, inputs, work)))
    own = Responses.load(inputs["bold"][0]).take_columns(maps.columns)
    mapped = maps.maps[refs.index(inputs["bold"][0].ref)].apply(own.response)
    return Aligned(replace(own, response=mapped.astype(np.float32)), maps)


def _fitted(made: object) -> GroupMaps:
    """Return what an aligner made.

    Raises:
        DataError: it made something else.
    """
    from brainflix.align.group_maps import GroupMaps

    if isinstance(made, Mapping) or not isinstance(made, GroupMaps):
        raise DataError(f"an aligner made a {type(made).__name__}", why="it makes GroupMaps")
    return made
