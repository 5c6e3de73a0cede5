"""The door of `explain`: predictions, a regressor's or a network's, in; maps of grayordinates out."""

from __future__ import annotations

from pydantic import BaseModel

from brainflix.parts.contract import Inputs, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = 1


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Let the named explanation make its maps."""
    return part(params, inputs, work)
