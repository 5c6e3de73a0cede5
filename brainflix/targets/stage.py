"""The door of `extract-targets`: one artifact per target, for all clips."""

from __future__ import annotations

from pydantic import BaseModel

from brainflix.parts.contract import Inputs, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = 1


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Let the named extractor make its target."""
    return part(params, inputs, work)
