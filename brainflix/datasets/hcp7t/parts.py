"""HCP's films at 7 T: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class Hcp7tDatasetParams(Params):
    """Which variant of the series; other numbers than the defaults are for miniatures."""

    variant: Literal["msmall-clean", "msmall", "atlas"] = Field(
        "msmall-clean",
        description="cleaned by FIX and aligned by areas; the same uncleaned; or as Mind-Animator reads it",
    )


class Hcp7tParams(Params):
    """How runs become rows."""

    delay_s: float = Field(4.0, ge=0, le=60, description="from a clip's onset to the volume that answers it")
    within: str | None = Field(
        "mind-animator12", description="keep only these areas: a list or names with commas; null keeps the cortex"
    )
    scale: Literal["zscore", "minmax"] = Field("zscore", description="of each column in a run; minmax as Mind-Animator")
    detrend_degree: int = Field(
        0, ge=0, le=8, description="degree of the polynomial removed from each run; cleaned series need none"
    )
    check_volumes: bool = Field(True, description="insist on 921, 918, 915 and 901 volumes")


PARTS: Table = {
    "dataset": {
        "hcp7t": Part(
            "brainflix.datasets.hcp7t.about:DATASET",
            Hcp7tDatasetParams,
            "3040 seconds of films at 7 T in four runs, three subjects of the release",
        ),
    },
    "preprocess": {
        "hcp7t": Part(
            "brainflix.datasets.hcp7t.rows:films",
            Hcp7tParams,
            "every volume of a run with the second of film that it answers; ceiling from the repeated montage",
            needs=("raw",),
        ),
    },
}
