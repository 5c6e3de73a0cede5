"""Fudan's fMRI-Video: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class FudanDatasetParams(Params):
    """Which commit is fetched."""

    revision: str = Field(
        "main", description="commit of the repository on the Hub; a branch is resolved when it is fetched, and recorded"
    )


class FudanParams(Params):
    """How pictures of the cortex become rows."""

    delay_s: float = Field(4.0, ge=0, le=60, description="from a clip's onset to the first of its five volumes")
    size_px: int = Field(256, ge=8, le=8192, description="height and width of the resized pictures")
    compat: Literal["glfa"] | None = Field(
        None, description="glfa: a pixel of visual cortex in the first row or column does not count for the crop"
    )


PARTS: Table = {
    "dataset": {
        "fudan": Part(
            "brainflix.datasets.fudan.about:DATASET",
            FudanDatasetParams,
            "1200 films of eight seconds as pictures of the cortex, five subjects",
        ),
    },
    "preprocess": {
        "fudan": Part(
            "brainflix.datasets.fudan.rows:films",
            FudanParams,
            "crop and resize the pictures of the cortex, z-score, two clips of five volumes a film",
            needs=("raw", "stimuli"),
        ),
    },
}
