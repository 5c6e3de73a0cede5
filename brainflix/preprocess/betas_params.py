"""Parameters of data sets that release one estimate for each trial."""

from __future__ import annotations

from typing import Literal

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


class BmdParams(GrayordinateBetasParams):
    """BOLD Moments' films; other numbers than the defaults are for miniatures."""

    n_train: int = Field(1000, ge=2, description="films in the file of training estimates")
    n_test: int = Field(102, ge=2, description="films in the file of test estimates")


class HadParams(GrayordinateBetasParams):
    """HAD has no repeats, so that nothing can be ranked by its noise ceiling."""

    top_n: None = Field(None, description="not for this data set: without repeats there is no noise ceiling")
    test_cycle: int = Field(1, ge=1, le=4, description="which of the four exemplars of each action is for testing")
    zscore: Literal["train", "none"] = Field(
        "train", description="scale each column by its training trials, or take the estimates as released"
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
