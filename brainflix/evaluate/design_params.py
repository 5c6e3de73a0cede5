"""Parameters of who meets whom, which every evaluation has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from brainflix.parts.params import Params

if TYPE_CHECKING:
    from brainflix.evaluate.design import Settings


class DesignParams(Params):
    """Permutations, blocks and intervals."""

    permutations: int = Field(
        10_000, ge=0, description="exchanges of clips for p at most; all of them where there are fewer; 0 for none"
    )
    block_s: float = Field(20.0, gt=0, description="stimulus blocks of intervals, in seconds")
    min_shift_s: float = Field(20.0, gt=0, description="least distance of clips that chance is made of, in seconds")
    interval: Literal["t-neighbours", "percentile", "bca"] = Field(
        "t-neighbours", description="Student's t over blocks and their neighbours, or a bootstrap of blocks"
    )

    def settings(self, seed: int) -> Settings:
        """Return what a design is made from."""
        from brainflix.evaluate.design import Settings

        return Settings(
            permutations=self.permutations,
            block_s=self.block_s,
            min_shift_s=self.min_shift_s,
            method=self.interval,
            seed=seed,
        )
