"""Studyforrest: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from brainflix.parts.params import Params, each_once
from brainflix.parts.part import Part, Table


class StudyforrestParams(Params):
    """Which runs are tested; all others train."""

    test_runs: Annotated[tuple[int, ...], AfterValidator(each_once)] = Field(
        (6, 8), min_length=1, description="runs that are tested; a single one cannot reach p < 0.001"
    )
    edge_volumes: int = Field(
        10, ge=0, le=200, description="volumes at both ends of a tested run that are left out: runs share 8 of them"
    )


class ParcelsParams(Params):
    """The tables are detrended and z-scored in each run already, so that there is nothing to choose."""


_SUMMARY = 'watching "Forrest Gump": 267 parcels, 20 described features of the film'

PARTS: Table = {
    "dataset": {
        "studyforrest": Part(
            "brainflix.datasets.studyforrest.about:FULL", StudyforrestParams, f"15 people {_SUMMARY}; real"
        ),
        "studyforrest-sample": Part(
            "brainflix.datasets.studyforrest.about:SAMPLE",
            StudyforrestParams,
            f"four people {_SUMMARY}; real, embedded",
        ),
    },
    "preprocess": {
        "studyforrest": Part(
            "brainflix.datasets.studyforrest.rows:parcels",
            ParcelsParams,
            "every volume of every described run as a row, on the parcels that all people share",
            needs=("raw", "stimuli"),
        ),
    },
}
