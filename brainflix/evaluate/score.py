"""One number with everything that makes it readable: n, interval, chance, baselines, ceiling, protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.blocks import ENOUGH_BLOCKS, LEAST_BLOCKS
from brainflix.evaluate.intervals import DEFAULT, Method, mean_interval
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.ranges import ANYTHING, RATE, Range

FEW_BLOCKS, NO_FIVE_PERCENT = "few blocks", "cannot reach 0.05"
# With fewer exchanges than this p stays above the level, and so it does with fewer draws of them.
FEW_EXCHANGES, LEVEL = 20, 0.05


@dataclass(frozen=True, eq=False)
class Score:
    """The value of one metric.

    Attributes:
        value: mean over the clips that have one, whatever the interval's method.
        n: clips that have a value.
        n_nan: clips or frames left out because the metric is undefined there.
        chance: empirical chance level, the mean over strangers; NaN if not evaluated.
        chance_analytic: chance level from theory; NaN where there is none.
        ci95: limits of the 95 % interval (docs/scoring.md, Intervals).
        se: standard error of the value over blocks, which `ci95` belongs to.
        n_clusters: blocks that have a value.
        ci_method: "t-neighbours", "percentile", "bca", "clopper-pearson" or "none".
        p: of the permutation test; NaN if not evaluated.
        p_min, n_group: smallest p that the test can give, and in how many ways clips can be exchanged.
        ranks: whether clips are ranked within a gallery, so that the measured chance sinks as decoding gets better.
        within: least and most that the score can be, infinite where it is open.
        baselines: value of each trivial baseline.
        ceiling: noise or oracle ceiling, where known.
        per_clip: array of shape (n_clips,).
        protocol: name of the protocol.
    """

    value: float
    n: int
    n_nan: int
    chance: float
    chance_analytic: float
    ci95: tuple[float, float]
    se: float
    n_clusters: int
    ci_method: str
    p: float
    baselines: dict[str, float]
    ceiling: float | None
    per_clip: NDArray[np.float64] = field(repr=False)
    protocol: str
    p_min: float = math.nan
    n_group: int = 0
    ranks: bool = False
    within: Range = ANYTHING

    @property
    def sd_clips(self) -> float:
        """Standard deviation over clips with a value, NaN for under two; no interval (docs/scoring.md, Intervals)."""
        defined = self.per_clip[~np.isnan(self.per_clip)]
        with np.errstate(invalid="ignore"):
            return float(defined.std(ddof=1)) if defined.size > 1 else math.nan

    @property
    def chance_from(self) -> str | None:
        """Where the chance level comes from that excess and headline use, if there is one: theory or strangers.

        A decoder that ranks the own clip high pushes the others down, so that strangers fall below chance: scores that
        rank within a gallery take theory (docs/scoring.md, Chance).
        """
        theory, strangers = not math.isnan(self.chance_analytic), not math.isnan(self.chance)
        if strangers and not (theory and self.ranks):
            return "strangers"
        return "theory" if theory else None

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the interval and of p."""
        found = []
        if LEAST_BLOCKS <= self.n_clusters < ENOUGH_BLOCKS and self.ci_method != "none":
            found.append(FEW_BLOCKS)
        if not math.isnan(self.p) and (1 < self.n_group < FEW_EXCHANGES or self.p_min > LEVEL):
            found.append(NO_FIVE_PERCENT)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; NaN and infinities become None."""
        return {
            "value": _plain(self.value),
            "n": self.n,
            "n_nan": self.n_nan,
            "chance": _plain(self.chance),
            "chance_analytic": _plain(self.chance_analytic),
            "sd_clips": _plain(self.sd_clips),
            "se": _plain(self.se),
            "ci95": [_plain(limit) for limit in self.ci95],
            "n_clusters": self.n_clusters,
            "ci_method": self.ci_method,
            "p": _plain(self.p),
            "p_min": _plain(self.p_min),
            "n_group": self.n_group,
            "chance_from": self.chance_from,
            "range": [_plain(limit) for limit in self.within],
            "notes": self.notes,
            "baselines": {name: _plain(value) for name, value in self.baselines.items()},
            "ceiling": None if self.ceiling is None else _plain(self.ceiling),
            "per_clip": [_plain(value) for value in self.per_clip],
            "protocol": self.protocol,
        }

    def to_json(self) -> str:
        """Return the record as one JSON document; NaN becomes null."""
        return json.dumps(self.to_dict(), allow_nan=False)


def summarise(
    per_clip: NDArray[np.float64],
    clusters: NDArray[Any],
    *,
    protocol: str,
    permuted: Permuted | None = None,
    chance_analytic: float = math.nan,
    baselines: Mapping[str, float] | None = None,
    ceiling: float | None = None,
    is_rate: bool = False,
    ranks: bool = False,
    within: Range = ANYTHING,
    n_nan: int | None = None,
    n_boot: int = 10_000,
    seed: int = 0,
    method: Method = DEFAULT,
) -> Score:
    """Assemble the record of one metric.

    Args:
        per_clip: array of shape (n_clips,), NaN where undefined.
        clusters: array of shape (n_clips,), stimulus blocks for the interval, as of `mean_interval`.
        protocol: name of the protocol.
        permuted: result of the permutation test.
        chance_analytic: chance level from theory.
        baselines: value of each trivial baseline.
        ceiling: noise or oracle ceiling.
        is_rate: whether clips score between never (0) and always (1), so that no hit at all is still uncertain.
        ranks: whether clips are ranked within a gallery.
        within: least and most that the score can be; a rate has 0 and 1.
        n_nan: undefined frames, where the metric counts those; None counts undefined clips.
        n_boot, seed: replicates of a bootstrap and their seed, where one is asked for.
        method: of the interval.
    """
    within = RATE if is_rate else within
    interval = mean_interval(
        per_clip, clusters, n_boot=n_boot, seed=seed, method=method, within=within, is_rate=is_rate
    )
    return Score(
        value=interval.value,
        n=interval.n,
        n_nan=interval.n_nan if n_nan is None else n_nan,
        chance=math.nan if permuted is None else permuted.chance,
        chance_analytic=chance_analytic,
        ci95=(interval.lo, interval.hi),
        se=interval.se,
        n_clusters=interval.n_clusters,
        ci_method=interval.method,
        p=math.nan if permuted is None else permuted.p,
        baselines=dict(baselines or {}),
        ceiling=ceiling,
        per_clip=per_clip,
        protocol=protocol,
        p_min=math.nan if permuted is None else permuted.p_min,
        n_group=0 if permuted is None else permuted.n_group,
        ranks=ranks,
        within=within,
    )


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
