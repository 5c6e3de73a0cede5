"""Parameters of the alignment methods."""

from __future__ import annotations

from pydantic import Field

from brainflix.contract import Params


class AlignParams(Params):
    """What every method shares."""

    n_iterations: int = Field(
        2, ge=1, description="rounds of aligning all subjects to the template and averaging again"
    )


class ProcrustesParams(AlignParams):
    """Rotation to the template."""

    anchor: float = Field(
        0.0, ge=0, description="pull towards leaving columns as they are; few clips fix the turn of many columns badly"
    )


class RidgeAlignParams(AlignParams):
    """Ridge to the template; alphas are relative to the mean squared length of a row."""

    alphas: tuple[float, ...] = Field((0.01, 0.1, 1, 10), min_length=1)
    n_folds: int = Field(5, ge=2, description="folds of whole stimulus segments")
