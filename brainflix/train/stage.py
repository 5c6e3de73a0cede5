"""The door of `train`: rows of the training split in, a network out. It never sees a test row."""

from __future__ import annotations

from pydantic import BaseModel

from brainflix.parts.contract import Inputs, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = 1


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Let the named phase train its network: weights, config and history."""
    return part(params, inputs, work)
