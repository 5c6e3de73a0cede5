"""The average over subjects who saw the same stimuli: an interval from resampling subjects and stimulus blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.bootstrap import Interval, resampled


def crossed_bootstrap(
    values: NDArray[Any], clusters: NDArray[Any], *, n_boot: int = 10_000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the mean over subjects and clips with a percentile interval over both (Owen 2007).

    Subjects share stimuli: an easy block is easy for all of them, so neither subjects nor (subject, block) pairs are
    independent observations. A replicate weights subjects and, apart from that, blocks, the same blocks for every
    subject. The interval is a little too wide rather than too narrow, as what is peculiar to a subject on a block is
    counted on both sides. With three subjects it says nothing about a population.

    Args:
        values: array of shape (n_subjects, n_clips); a clip that is NaN in any subject is left out of all and counted,
            so that every subject is averaged over the same stimuli.
        clusters: array of shape (n_clips,), the stimulus block of each clip.
        n_boot: replicates.
        seed: of the resampling.
        level: coverage aimed at.

    Returns:
        The interval; `n` and `n_nan` count clips, not subjects. NaN limits with fewer than two subjects or blocks.

    Raises:
        DataError: values and clusters do not go together.
    """
    scores, labels = np.asarray(values, np.float64), np.asarray(clusters)
    if scores.ndim != 2 or labels.shape != scores.shape[1:]:
        raise DataError(
            f"values {scores.shape} and clusters {labels.shape} are not (n_subjects, n_clips) and (n_clips,)"
        )
    defined = ~np.isnan(scores).any(axis=0)
    names, member = np.unique(labels[defined], return_inverse=True)
    n_subjects, n_clusters, n = len(scores), len(names), int(np.count_nonzero(defined))
    n_nan = len(labels) - n
    value = float(scores[:, defined].mean()) if n and n_subjects else np.nan
    if n_subjects < 2 or n_clusters < 2:
        return Interval(value, np.nan, np.nan, np.nan, n, n_nan, n_clusters, "crossed percentile")
    indicator = (member[:, None] == np.arange(n_clusters)).astype(np.float64)
    sums, sizes = scores[:, defined] @ indicator, indicator.sum(axis=0)
    generator = np.random.default_rng(seed)
    subjects = np.concatenate(list(resampled(n_subjects, n_boot, generator)))
    blocks = np.concatenate(list(resampled(n_clusters, n_boot, generator)))
    estimates = (subjects * (blocks @ sums.T)).sum(axis=1) / (blocks @ sizes) / n_subjects
    lo, hi = np.quantile(estimates, [(1 - level) / 2, (1 + level) / 2])
    se = float(estimates.std(ddof=1))
    return Interval(value, float(lo), float(hi), se, n, n_nan, n_clusters, "crossed percentile")
