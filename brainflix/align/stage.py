"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). The maps of the group are fitted once, on
training rows alone, and are an artifact of their own; every subject's job applies its own. The columns are those
selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from pydantic import BaseModel

from brainflix.parts.contract import Inputs, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = 4


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Apply the group's maps to one subject."""
    return part(params, inputs, work)
