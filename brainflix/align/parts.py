"""The aligners: the classes of their parameters, and the table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Counts, Params, Penalties
from brainflix.parts.part import APPLY, Fit, Part, Table


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

    alphas: Penalties = Field((0.01, 0.1, 1, 10), min_length=1)
    n_folds: int = Field(5, ge=2, description="folds of whole stimulus segments")
    choose_by: Literal["fit", "agreement"] = Field(
        "fit",
        description="choose each map's penalty by how well it predicts the template, or one for all by how well "
        "subjects agree on held-out segments, which prefers weaker penalties",
    )
    gap: int = Field(0, ge=0, description="rows beside held-out segments that are left out as well, by agreement")


class PairwiseParams(Params):
    """Rotation to one subject."""

    reference: int = Field(1, ge=1, description="place of the reference subject in the group, from 1")


class ChosenParams(Params):
    """What methods share whose settings are chosen by how well subjects agree on held-out segments."""

    n_folds: int = Field(5, ge=2, description="folds of whole stimulus segments")
    gap: int = Field(0, ge=0, description="rows beside what is held out that are left out as well")


class SrmParams(ChosenParams):
    """Shared response model."""

    n_features: Counts = Field((10, 20, 50, 100), min_length=1, description="what to choose from")
    n_iterations: int = Field(20, ge=1, description="rounds of subjects and shared time courses by turns")


class GccaParams(ChosenParams):
    """Generalised canonical correlation with a ridge penalty."""

    n_components: Counts = Field((10, 20, 50, 100), min_length=1, description="what to choose from")
    penalties: Penalties = Field(
        (0.01, 0.1, 1, 10), min_length=1, description="what to choose from, relative to a subject's mean eigenvalue"
    )


def _aligner(target: str, params: type[Params], summary: str) -> Part:
    """Return the part of one aligner: its fit is of the group, and applying is the same for all."""
    fit = Fit(target, reads=("group",), alone=("group",))
    return Part(APPLY, params, summary, needs=("bold", "group"), fit=fit)


PARTS: Table = {
    "align": {
        "none": _aligner("brainflix.align.aligners:identity", AlignParams, "keep each subject's own columns"),
        "procrustes": _aligner(
            "brainflix.align.aligners:procrustes",
            ProcrustesParams,
            "rotate each subject onto an iterated group template",
        ),
        "ridge": _aligner(
            "brainflix.align.aligners:ridge",
            RidgeAlignParams,
            "ridge map of each subject onto an iterated group template",
        ),
        "procrustes-pairwise": _aligner(
            "brainflix.align.aligners:procrustes_pairwise", PairwiseParams, "rotate each subject onto one of them"
        ),
        "srm": _aligner(
            "brainflix.align.aligners:srm", SrmParams, "shared response model, laid out again on the group's columns"
        ),
        "gcca": _aligner(
            "brainflix.align.aligners:gcca",
            GccaParams,
            "canonical time courses of all subjects with a ridge penalty, on the group's columns",
        ),
    },
}
