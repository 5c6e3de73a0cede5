"""CC2017 and its releases as arrays: what can be chosen, and its parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table
from brainflix.preprocess.areas import areas_named


class Cc2017DatasetParams(Params):
    """What the files hold; other values than the defaults are for cuts and for miniatures."""

    n_clips: int = Field(240, ge=8, le=240, description="two-second clips in a segment")
    axis: Literal["91282", "any"] = Field("91282", description="insist on the standard grayordinates, or take any")


class Cc2017Params(Params):
    """CC2017's convention: trim to the clips (the 4 s delay lives in the trim), detrend, z-score, select.

    The defaults are those of Wen et al. and NeuroClips, with a one-sided test.
    """

    delay_s: float = Field(
        4.0,
        ge=0,
        le=60,
        description="from a clip's onset to the volume that answers it; 4 s is what every published trim does",
    )
    drop_first: bool = Field(
        False, description="leave out the first clip of runs of 245 volumes, as Brain Netflix; for comparisons"
    )
    detrend_degree: int = Field(4, ge=0, le=8, description="degree of the polynomial removed from each run")
    zscore: Literal["run", "train"] = Field(
        "run", description="z-score each column of a run, or all values by the training rows' one mean and spread"
    )
    zscore_ddof: Literal[0, 1] = Field(1, description="1 as Wen et al., 0 as Mind-Animator")
    rescale_splits: bool = Field(
        False,
        description="z-score training and test rows once more, each by their own statistics, as Mind-Animator's "
        "released code; test rows are then scaled by test rows",
    )
    within: str | None = Field(
        None,
        description="keep only these areas: a list (group41, group23, group14, visual31, ...) or names with commas",
    )
    select: Literal["bonferroni", "top", "top-clipped", "all"] = Field(
        "bonferroni", description="rule that selects grayordinates; top-clipped as Mind-Animator's released code"
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="family-wise error rate of the Bonferroni rule")
    top_n: int | None = Field(
        None, ge=1, validate_default=True, description="how many grayordinates the two top rules keep"
    )
    two_sided: bool = Field(False, description="let reliably opposite grayordinates pass, as released code does")

    @field_validator("top_n")
    @classmethod
    def _top_rules_need_a_number(cls, top_n: int | None, info: ValidationInfo) -> int | None:
        # On the field, not the model, so that planning's message names preprocess.top_n.
        rule = info.data.get("select")
        if top_n is None and rule in ("top", "top-clipped"):
            raise ValueError(f"select: {rule} needs top_n, how many grayordinates to keep")
        return top_n

    @field_validator("within")
    @classmethod
    def _areas_exist(cls, within: str | None) -> str | None:
        if within is not None:
            areas_named(within)
        return within


class ArraysParams(Params):
    """How released arrays become rows."""

    release: Literal["neuroclips", "mindvideo"] = Field("neuroclips", description="whose files they are")
    n_columns: int | None = Field(None, ge=1, description="columns that the arrays must have; null takes any number")
    drop_copies: bool = Field(True, description="leave out repeats that are exact copies of another one")


PARTS: Table = {
    "dataset": {
        "cc2017": Part(
            "brainflix.datasets.cc2017.about:DATASET",
            Cc2017DatasetParams,
            "natural films: 18 training and 5 test segments of 240 two-second clips",
        ),
    },
    "preprocess": {
        "cc2017": Part(
            "brainflix.datasets.cc2017.rows:cc2017",
            Cc2017Params,
            "trim to the clips, polynomial detrend, z-score, reproducibility selection",
            needs=("raw", "stimuli"),
        ),
        "cc2017-arrays": Part(
            "brainflix.datasets.cc2017.arrays_rows:tensors",
            ArraysParams,
            "CC2017's releases in arrays as rows, copied repeats left out",
            needs=("raw",),
        ),
    },
}
