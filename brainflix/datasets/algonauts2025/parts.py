"""Algonauts 2025: what can be chosen, and its parts."""

from __future__ import annotations

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class Algonauts2025DatasetParams(Params):
    """Nothing to choose."""


class Algonauts2025Params(Params):
    """How episodes become rows; the released parcels are z-scored in each run already."""

    delay_s: float = Field(
        4.47, ge=0, le=60, description="from a clip's onset to its volume; three volumes as the baseline has it"
    )
    drop_edges: int = Field(
        5, ge=0, le=1000, description="volumes at both ends of a run that are left out, as the baseline does"
    )


PARTS: Table = {
    "dataset": {
        "algonauts2025": Part(
            "brainflix.datasets.algonauts2025.about:DATASET",
            Algonauts2025DatasetParams,
            "six seasons of Friends and four films in 1000 parcels, four subjects",
        ),
    },
    "preprocess": {
        "algonauts2025": Part(
            "brainflix.datasets.algonauts2025.rows:parcels",
            Algonauts2025Params,
            "parcels of every episode in the order of the story, with repeats where there are any",
            needs=("raw",),
        ),
    },
}
