"""Intervals of rates at and near 0 and 1: exact limits, coverage of rare hits, also where clips hang together."""

from __future__ import annotations

import numpy as np
import pytest
from brainflix.evaluate.rates import rate_interval

from brainflix.evaluate.bootstrap import cluster_bootstrap, mean_interval

CLIPS = np.arange(120)


@pytest.mark.parametrize("n", [1, 12, 120])
def test_limits_are_those_rates_that_give_no_hit_with_half_of_the_error(n: int) -> None:
    none, all_ = (rate_interval(np.full(120, value), CLIPS % n) for value in (0.0, 1.0))
    assert none.value == none.lo == 0.0 and all_.value == all_.hi == 1.0
    assert (1 - none.hi) ** n == pytest.approx(0.025)
    assert all_.lo == pytest.approx(1 - none.hi)
    assert none.method == all_.method == "clopper-pearson"
    assert rate_interval(np.zeros(120), CLIPS % n, level=0.9).hi < none.hi


def test_other_values_keep_their_interval_and_undefined_clips_are_no_trials() -> None:
    one_hit = (CLIPS == 7).astype(float)
    assert rate_interval(one_hit, CLIPS, n_boot=500) == mean_interval(one_hit, CLIPS, n_boot=500)
    assert rate_interval(np.full(120, 0.5), CLIPS, n_boot=99).method == "percentile"
    holed = rate_interval(np.where(CLIPS < 40, 0.0, np.nan), CLIPS)
    assert holed.hi == rate_interval(np.zeros(40), CLIPS[:40]).hi
    assert (holed.n, holed.n_nan, holed.n_clusters) == (40, 80, 40)
    assert np.isnan(rate_interval(np.full(120, np.nan), CLIPS).hi)


def test_rare_hits_are_covered_where_the_plain_bootstrap_misses_them() -> None:
    generator = np.random.default_rng(0)
    p = 1 / 120
    honest = plain = 0
    for seed in range(400):
        hits = (generator.random(120) < p).astype(float)
        interval = rate_interval(hits, CLIPS, n_boot=399, seed=seed)
        honest += interval.lo <= p <= interval.hi
        other = cluster_bootstrap(hits, CLIPS, n_boot=399, seed=seed)
        plain += other.lo <= p <= other.hi
    assert honest / 400 >= 0.93
    # No hit at all has probability (1 - p)^120 = 0.366, and its bootstrap interval is [0, 0].
    assert plain / 400 < 0.7


def test_rare_hits_of_whole_blocks_are_covered_as_blocks_and_not_as_clips() -> None:
    generator = np.random.default_rng(1)
    clusters, p = CLIPS // 10, 1 / 12
    covered = clips_as_trials = 0
    for seed in range(200):
        hits = (generator.random(12) < p).astype(float)[clusters]
        interval = rate_interval(hits, clusters, n_boot=399, seed=seed)
        covered += interval.lo <= p <= interval.hi
        alone = rate_interval(hits, CLIPS, n_boot=399, seed=seed)
        clips_as_trials += alone.lo <= p <= alone.hi
    assert covered / 200 >= 0.93
    assert clips_as_trials / 200 < 0.7
