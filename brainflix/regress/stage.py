"""The door of `regress`: responses of training clips and their targets in, predicted targets of the test clips out.

Roles: `rows` (responses to fit on, of one subject or several, of one data set or several), `test` (responses to predict
from), `target` (one artifact for each data set among the rows). Under `encoder`, a trained network whose features take
the grayordinates' place; the part `encoder` predicts with such a network itself, without `rows`;
`blip-captions` puts the values under `tokens`, which nobody has to have predicted, into words.
"""

from __future__ import annotations

from collections.abc import Mapping

from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 2


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Let the named regressor fit and predict, values or captions."""
    predictions = find("regress", job.part).load()(job, inputs, tools)
    predictions.save(out.path)
    out.notes |= predictions.attrs
