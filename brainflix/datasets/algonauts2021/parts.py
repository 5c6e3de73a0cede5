"""Algonauts 2021: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class Algonauts2021DatasetParams(Params):
    """Which files of a subject are wanted."""

    what: tuple[Literal["mini", "full"], ...] = Field(
        ("mini",), min_length=1, description="mini: nine areas in files of their own; full: the whole brain"
    )


class Algonauts2021Params(Params):
    """Which areas of which track."""

    track: Literal["mini", "full"] = Field("mini", description="areas in files of their own, or the whole brain")
    areas: tuple[str, ...] = Field(
        ("V1", "V2", "V3", "V4", "LOC", "EBA", "FFA", "STS", "PPA"),
        min_length=1,
        description="areas of the mini track, in the order of the columns",
    )
    top_n: int | None = Field(None, ge=1, description="select so many with the highest noise ceiling; null selects all")


PARTS: Table = {
    "dataset": {
        "algonauts2021": Part(
            "brainflix.datasets.algonauts2021.about:DATASET",
            Algonauts2021DatasetParams,
            "1000 films of three seconds, estimates in areas of ten subjects",
        ),
    },
    "preprocess": {
        "algonauts2021": Part(
            "brainflix.datasets.algonauts2021.rows:betas",
            Algonauts2021Params,
            "the challenge's estimates, by area or of the whole brain, with noise ceilings",
            needs=("raw",),
        ),
    },
}
