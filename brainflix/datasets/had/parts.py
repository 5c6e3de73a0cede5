"""HAD: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table
from brainflix.preprocess.parts import GrayordinateBetasParams


class HadDatasetParams(Params):
    """Which files of a subject are wanted."""

    what: tuple[Literal["betas", "bold"], ...] = Field(
        ("betas",), min_length=1, description="betas: estimates on the cortex, 172 MB a subject; bold: series, 690 MB"
    )


class HadParams(GrayordinateBetasParams):
    """HAD has no repeats, so that nothing can be ranked by its noise ceiling."""

    top_n: None = Field(None, description="not for this data set: without repeats there is no noise ceiling")
    test_cycle: int = Field(1, ge=1, le=4, description="which of the four exemplars of each action is for testing")
    zscore: Literal["train", "none"] = Field(
        "train", description="scale each column by its training trials, or take the estimates as released"
    )


PARTS: Table = {
    "dataset": {
        "had": Part(
            "brainflix.datasets.had.about:DATASET",
            HadDatasetParams,
            "21600 clips of human actions, each shown once to one of thirty subjects",
        ),
    },
    "preprocess": {
        "had": Part(
            "brainflix.datasets.had.rows:betas",
            HadParams,
            "HAD's released estimates, one exemplar of each action for testing",
            needs=("raw",),
        ),
    },
}
