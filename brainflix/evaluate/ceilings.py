"""How high a score can get: what repeats of a clip allow a decoder, and what random generators make of it.

Ceilings of single voxels are in `preprocess.noise_ceiling`; the oracle, which feeds true targets to the generator, is
a video set of its own (docs/scoring.md, Ceilings).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.targets_metrics import profile_correlation

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TargetCeiling:
    """What repeats allow the profile correlation of one decoder to be.

    Attributes:
        reliability: array of shape (n_dims,), of the values decoded from all repeats; estimates of a reliability near 0
            fall below 0 as well. NaN where undefined.
        ceiling: array of shape (n_dims,), largest profile correlation, the root of the reliability, 0 where that is
            negative, NaN where it is undefined.
        n_negative: dims whose reliability was estimated below 0.
        n_undefined: dims whose halves do not both vary over the clips, or are perfectly opposed.
    """

    reliability: Floats
    ceiling: Floats
    n_negative: int
    n_undefined: int


@dataclass(frozen=True, eq=False)
class SamplingSpread:
    """How much of a clip's score is luck of the generator's seed.

    Attributes:
        sd: standard deviation of a clip's score over seeds, pooled over clips.
        sd_per_clip: array of shape (n_clips,), NaN where fewer than two seeds have a score.
        share: of the variance of a clip's score with one seed, what the seed makes, in [0, 1]; NaN for fewer than two
            clips, or where nothing varies.
        n_clips: clips with a score for at least two seeds.
        n_left_out: clips with fewer.
    """

    sd: float
    sd_per_clip: Floats
    share: float
    n_clips: int
    n_left_out: int


def target_ceiling(first: NDArray[Any], second: NDArray[Any]) -> TargetCeiling:
    """Return the ceiling of a decoder's profile correlation from halves of the repeats (docs/scoring.md, Ceilings).

    The correlation r of the halves is that of values decoded from half the repeats; all of them together have the
    reliability 2 r / (1 + r) (Spearman and Brown), and nothing correlates higher with them than its root. It bounds
    what this decoder can reach with these repeats, not what another could.

    Args:
        first: array of shape (n_clips, n_dims), targets decoded from one half of each clip's repeats.
        second: array of shape (n_clips, n_dims), from as many other repeats of the same clips.

    Raises:
        DataError: the shapes differ.
    """
    r = profile_correlation(first, second)
    # A rounding error above 1 must not become a ceiling above 1; at -1 nothing can be said.
    r = np.minimum(r, 1.0)
    reliability = np.divide(2.0 * r, 1.0 + r, out=np.full(r.shape, np.nan), where=r > -1.0)
    defined = ~np.isnan(reliability)
    ceiling = np.sqrt(np.maximum(reliability, 0.0))
    n_negative = int(np.count_nonzero(reliability[defined] < 0))
    return TargetCeiling(reliability, ceiling, n_negative, int(r.size - defined.sum()))


def sampling_spread(scores: NDArray[Any]) -> SamplingSpread:
    """Return how scores of one system spread over diffusion seeds within a clip (docs/scoring.md, Ceilings).

    Variances are those of a one-way random-effects analysis, the clips being the groups; seeds may be missing for some
    clips.

    Args:
        scores: array of shape (n_clips, n_seeds), NaN where undefined.

    Raises:
        DataError: not a table of at least two seeds, or a value is infinite.
    """
    table = np.asarray(scores, np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(f"scores of shape {table.shape} have no spread over seeds", why="need (n_clips, n_seeds >= 2)")
    if np.isinf(table).any():
        raise DataError("scores hold infinite values")
    given = ~np.isnan(table)
    n = given.sum(axis=1)
    used = n >= 2
    sd_per_clip = np.full(len(table), np.nan)
    if not used.any():
        return SamplingSpread(math.nan, sd_per_clip, math.nan, 0, len(table))
    # Seen from one of the scores: a variance that is tiny beside them is not lost in rounding, and equal scores get 0.
    table = table - table[given][0]
    n, table = n[used], np.where(given[used], table[used], 0.0)
    means = table.sum(axis=1) / n
    squares = np.square(np.where(given[used], table - means[:, None], 0.0)).sum(axis=1)
    sd_per_clip[used] = np.sqrt(squares / (n - 1))
    within = float(squares.sum() / (n - 1).sum())
    share = _share(within, means, n)
    return SamplingSpread(math.sqrt(within), sd_per_clip, share, int(used.sum()), int((~used).sum()))


def _share(within: float, means: Floats, n: NDArray[np.integer[Any]]) -> float:
    """Return within / (within + between), between the variance of the clips' expected scores, at least 0."""
    if len(n) < 2:
        return math.nan
    spread = float((n * np.square(means - np.average(means, weights=n))).sum()) / (len(n) - 1)
    # Seeds per clip that count in the mean square between clips; the number itself where all have as many.
    effective = float(n.sum() - np.square(n).sum() / n.sum()) / (len(n) - 1)
    total = within + max(0.0, (spread - within) / effective)
    return within / total if total > 0 else math.nan
