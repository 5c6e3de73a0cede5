"""BOLD Moments: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table
from brainflix.preprocess.parts import GrayordinateBetasParams


class BmdDatasetParams(Params):
    """Which files of a subject are wanted."""

    what: tuple[Literal["betas", "bold", "mni"], ...] = Field(
        ("betas",),
        min_length=1,
        description="betas: estimates on fsLR grayordinates, 2.9 GB a subject; bold: their time series, 4.7 GB; "
        "mni: estimates of areas in the MNI volume, 4.5 GB",
    )


class BmdParams(GrayordinateBetasParams):
    """BOLD Moments' films; other numbers than the defaults are for miniatures."""

    n_train: int = Field(1000, ge=2, le=1000, description="films in the file of training estimates")
    n_test: int = Field(102, ge=2, le=102, description="films in the file of test estimates")


PARTS: Table = {
    "dataset": {
        "bmd": Part(
            "brainflix.datasets.bmd.about:DATASET",
            BmdDatasetParams,
            "1102 films of three seconds, estimates for each trial of ten subjects",
        ),
    },
    "preprocess": {
        "bmd": Part(
            "brainflix.datasets.bmd.rows:betas",
            BmdParams,
            "BOLD Moments' released estimates on the areas asked for, with noise ceilings",
            needs=("raw",),
        ),
    },
}
