"""The door of `regress`: responses of training clips and their targets in, predicted targets of the test clips out.

Roles: `rows` (responses to fit on, of one subject or several), `test` (responses to predict from), `target`;
the `encoder` part takes a trained network under `encoder` instead of `rows`; `blip-captions` puts the values under
`tokens`, which nobody has to have predicted, into words.
"""

from __future__ import annotations

from collections.abc import Mapping

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

VERSION = 2


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Let the named regressor fit and predict, values or captions."""
    predictions = registry.find("regress", job.part).load()(job, inputs, tools)
    predictions.save(out.path)
    out.notes |= predictions.attrs
