"""The door of `preprocess`: a subject's raw files in, one clean row per clip presentation out.

A part is `part(job, params, inputs, tools) -> Responses`, or a pair of them and notes for the manifest, such as how
many values were filled in. `params` are its validated parameters; `inputs` are the raw artifacts by role (`raw`, and
`stimuli` where rows need the films' own table of clips). The `Responses` carry one row per trial and the mask
`selected`, (n_grayordinates,), which alignment reads; every other mask or statistic is the part's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brainflix.errors import DataError
from brainflix.parts.contract import Job, Tools
from brainflix.parts.find import find
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    from brainflix.store.schema import Responses

VERSION = 1


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Let the named preprocessing clean the subject, and write its rows, statistics and masks.

    Raises:
        DataError: the part says nothing about which grayordinates are selected.
    """
    part = find("preprocess", job.part)
    params = part.load_params().model_validate(dict(job.params))
    made = part.load()(job, params, inputs, tools)
    responses: Responses
    responses, notes = made if isinstance(made, tuple) else (made, {})
    if "selected" not in responses.masks:
        raise DataError(f"preprocess part {job.part!r} gave no mask 'selected'", why="alignment reads it")
    responses.save(out.path)
    out.notes |= notes
    n = int(responses.masks["selected"].sum())
    out.notes |= {"n_selected": n, "n_grayordinates": len(responses.area), "n_runs": len(responses.run_names)}
    tools.progress.say(f"subject {job.subject}: {n} of {len(responses.area)} grayordinates selected")
