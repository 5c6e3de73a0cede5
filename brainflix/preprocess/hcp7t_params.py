"""Parameters of HCP's 7T films."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params


class Hcp7tParams(Params):
    """How runs become rows."""

    delay_s: float = Field(4.0, ge=0, description="from a clip's onset to the volume that answers it")
    within: str | None = Field(
        "mind-animator12", description="keep only these areas: a list or names with commas; null keeps the cortex"
    )
    scale: Literal["zscore", "minmax"] = Field("zscore", description="of each column in a run; minmax as Mind-Animator")
    detrend_degree: int = Field(
        0, ge=0, le=8, description="degree of the polynomial removed from each run; cleaned series need none"
    )
    check_volumes: bool = Field(True, description="insist on 921, 918, 915 and 901 volumes")
