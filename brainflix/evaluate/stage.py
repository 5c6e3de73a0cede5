"""The door of `evaluate`: reconstructions and predictions against the truth, one table of scores for a subject.

A part (a protocol) returns a `Scorecard`: the scores with what a reader must know of each, see `scorecard.py`. Its
roles are at least `videos` and `truth`; `extras.py` says which others `strict` takes. scores.json has the same shape
for every protocol.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel

from brainflix.errors import DataError
from brainflix.evaluate.protocols import SCORER
from brainflix.parts.contract import Inputs, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = SCORER


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Let the named protocol score.

    Raises:
        DataError: the part made something else.
    """
    from brainflix.evaluate.scorecard import Scorecard

    card = part(params, inputs, work)
    if not isinstance(card, Scorecard):
        raise DataError(f"evaluate part {work.part!r} made a {type(card).__name__}", why="reports read a Scorecard")
    return replace(card, subject=work.subject, simulated=work.dataset.simulated)
