"""The door of `evaluate`: reconstructions and predictions against the truth, one table of scores for a subject.

A part (a protocol) is `part(job, params, inputs, tools) -> Scorecard`. `params` are its validated parameters; `inputs`
are the artifacts by role (at least `videos` and `truth`; `strict.py` says which others there are). The `Scorecard`
holds the scores with what a reader must know of each, see `scorecard.py`; scores.json has the same shape for every
protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    from brainflix.evaluate.scorecard import Scorecard

VERSION = 5


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Let the named protocol score, write scores.json and the per-clip values."""
    from brainflix.store.arrays import write_array
    from brainflix.store.checks import write_json

    part = find("evaluate", job.part)
    params = part.load_params().model_validate(dict(job.params))
    card: Scorecard = part.load()(job, params, inputs, tools)
    for name, line in card.lines.items():
        write_array(out.path, f"per_clip/{name}", line.score.per_clip, dims=("clip",), layout="whole")
    simulated = find("dataset", job.dataset).load().simulated
    write_json(out.path / "scores.json", card.document(job.subject, simulated=simulated))
