"""The part of every aligner: put a subject's rows into the group's space, by the maps of the group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel

from brainflix.align.group_maps import GroupMaps
from brainflix.errors import DataError
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.part import FIT
from brainflix.parts.work import Work
from brainflix.store.responses import Responses


def apply(params: BaseModel, inputs: Inputs, work: Work) -> Noted:
    """Map all rows of the subject under `bold`.

    Raises:
        DataError: the subject is not in the group that the maps were fitted for.
    """
    source = inputs["bold"][0]
    fitted = GroupMaps.load(inputs[FIT][0])
    if str(source.ref) not in fitted.subjects:
        raise DataError(f"{source.ref} is not in its own group")
    own = Responses.load(source).take_columns(fitted.columns)
    mapped = fitted.maps[fitted.subjects.index(str(source.ref))].apply(own.response)
    aligned = replace(own, response=mapped.astype(np.float32))
    return Noted(aligned, {"n_columns": len(fitted.columns), "n_shared_clips": fitted.n_shared_clips})
