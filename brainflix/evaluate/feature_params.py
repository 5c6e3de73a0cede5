"""Parameters of the evaluation of decoded features."""

from __future__ import annotations

from pydantic import Field

from brainflix.evaluate.design_params import DesignParams


class FeaturesParams(DesignParams):
    """How decoded features are compared with the true ones; no videos are needed."""

    lead: tuple[str, ...] = Field(
        (), description="dimensions and groups that lead the table and are drawn, named beforehand; none: the groups"
    )
    permutations: int = Field(
        10_000, ge=999, description="shifts within runs for p at most; all of them where there are fewer"
    )
    min_shift_s: float = Field(
        20.0,
        gt=0,
        description="least distance in a run of clips that chance and identification take, in seconds",
    )
