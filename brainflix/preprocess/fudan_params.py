"""Parameters of Fudan's fMRI-Video."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params


class FudanParams(Params):
    """How pictures of the cortex become rows."""

    delay_s: float = Field(4.0, ge=0, description="from a clip's onset to the first of its five volumes")
    size_px: int = Field(256, ge=8, description="height and width of the resized pictures")
    compat: Literal["glfa"] | None = Field(
        None, description="glfa: a pixel of visual cortex in the first row or column does not count for the crop"
    )
