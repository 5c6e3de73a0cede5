"""One number with everything that makes it readable: n, interval, chance, baselines, ceiling, protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.bootstrap import Method, mean_interval
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.rates import rate_interval


@dataclass(frozen=True, eq=False)
class Score:
    """The value of one metric.

    Attributes:
        value: mean over the clips that have one, whatever the interval's method.
        n: clips that have a value.
        n_nan: clips or frames left out because the metric is undefined there.
        chance: empirical chance level, the mean over permutations; NaN if not evaluated.
        chance_analytic: chance level from theory; NaN where there is none.
        ci95: cluster-bootstrap limits; with few clusters Student's t with the cluster-robust standard error; of a rate
            that is 0 or 1 for every clip, the exact binomial limits over clusters.
        se: standard error of the value over clusters, which `ci95` belongs to.
        n_clusters: clusters that have a value.
        ci_method: which of these, "percentile", "t" or "clopper-pearson".
        p: of the permutation test; NaN if not evaluated.
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

    @property
    def sd_clips(self) -> float:
        """Standard deviation over clips with a value, NaN for under two; no interval (docs/scoring.md, Intervals)."""
        defined = self.per_clip[~np.isnan(self.per_clip)]
        with np.errstate(invalid="ignore"):
            return float(defined.std(ddof=1)) if defined.size > 1 else math.nan

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
    n_nan: int | None = None,
    n_boot: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
) -> Score:
    """Assemble the record of one metric.

    Args:
        per_clip: array of shape (n_clips,), NaN where undefined.
        clusters: array of shape (n_clips,), stimulus blocks for the interval.
        protocol: name of the protocol.
        permuted: result of the permutation test.
        chance_analytic: chance level from theory.
        baselines: value of each trivial baseline.
        ceiling: noise or oracle ceiling.
        is_rate: whether clips score between never (0) and always (1), so that no hit at all is still uncertain.
        n_nan: undefined frames, where the metric counts those; None counts undefined clips.
        n_boot: bootstrap replicates.
        seed: of the bootstrap.
        method: of the bootstrap's interval; few clusters get Student's t whatever it is (docs/scoring.md, Intervals).
    """
    interval_of = rate_interval if is_rate else mean_interval
    interval = interval_of(per_clip, clusters, n_boot=n_boot, seed=seed, method=method)
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
    )


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
