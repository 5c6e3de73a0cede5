"""Parameters of the evaluation protocols."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from brainflix.targets.params import WeightParams


class StrictParams(WeightParams):
    """The default protocol: one ground-truth class, exact N-way, chance by re-pairing, cluster intervals, baselines.

    `weights` are the video classifier's.
    """

    ways: tuple[int, ...] = Field((2, 50), description="choices of the N-way accuracies")
    true_classes: tuple[PositiveInt, ...] = Field(
        (1, 3), min_length=1, description="best classes of the truth that count as right; the first gives the headline"
    )
    retrieval_k: tuple[PositiveInt, ...] = Field(
        (1, 5), description="top-k retrievals of each regressed target among all clips under evaluation"
    )
    block_s: float = Field(20.0, gt=0, description="stimulus blocks of the cluster bootstrap, in seconds")
    min_shift_s: float = Field(20.0, gt=0, description="smallest circular shift of the re-pairing test, in seconds")
    n_draws: int = Field(10_000, ge=999, description="re-pairings at most; all of them where there are fewer")
    n_boot: int = Field(10_000, ge=999, description="bootstrap replicates")
    interval: Literal["percentile", "bca"] = Field(
        "percentile", description="bootstrap interval; with fewer than 30 blocks it is Student's t whatever this says"
    )
