"""Parameters that preprocessings of several data sets share; the parts themselves stand with their data sets."""

from __future__ import annotations

from pydantic import Field, field_validator

from brainflix.parts.params import Params
from brainflix.preprocess.areas import areas_named


class GrayordinateBetasParams(Params):
    """Which grayordinates are kept, and which of them are selected."""

    within: str | None = Field(
        "group41", description="keep only these areas: a list (group41, ...) or names with commas; null keeps all"
    )
    top_n: int | None = Field(
        None, ge=1, description="select so many with the highest noise ceiling over training repeats; null selects all"
    )

    @field_validator("within")
    @classmethod
    def _areas_exist(cls, within: str | None) -> str | None:
        if within is not None:
            areas_named(within)
        return within
