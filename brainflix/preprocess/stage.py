"""The door of `preprocess`: a subject's raw files in, one clean row per clip presentation out.

A part returns `Responses`, with remarks for the manifest if it has any, such as how many values were filled in. Its
roles are `raw`, and `stimuli` where rows need the films' own table of clips. The `Responses` carry one row per trial
and the mask `selected`, (n_grayordinates,), which alignment reads; every other mask or statistic is the part's own.
"""

from __future__ import annotations

from pydantic import BaseModel

from brainflix.errors import DataError
from brainflix.parts.contract import Inputs, Noted, Outputs, PartFunction
from brainflix.parts.work import Work

VERSION = 2


def run(part: PartFunction, params: BaseModel, inputs: Inputs, work: Work) -> Outputs:
    """Let the named preprocessing clean the subject: rows, statistics and masks.

    Raises:
        DataError: the part made something else, says nothing about which grayordinates are selected, selects none, or
            has no row for a whole split.
    """
    from brainflix.preprocess.remains import check_selected, lines_of
    from brainflix.store.responses import Responses

    outputs = part(params, inputs, work)
    made = outputs.made if isinstance(outputs, Noted) else outputs
    if not isinstance(made, Responses):
        raise DataError(f"preprocess part {work.part!r} made a {type(made).__name__}", why="alignment reads Responses")
    if "selected" not in made.masks:
        raise DataError(f"preprocess part {work.part!r} gave no mask 'selected'", why="alignment reads it")
    notes = outputs.notes if isinstance(outputs, Noted) else {}
    for line in lines_of(notes):
        work.progress.say(f"subject {work.subject}: {line}")
    check_selected(made, f"subject {work.subject}")
    n = int(made.masks["selected"].sum())
    work.progress.say(f"subject {work.subject}: {n} of {len(made.area)} grayordinates selected")
    counts = {"n_selected": n, "n_grayordinates": len(made.area), "n_runs": len(made.run_names)}
    return Noted(made, {**notes, **counts})
