"""The interval of a score: neighbouring blocks count, few blocks have none, rates and ranges are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import UsageError
from brainflix.evaluate import blocks as bl
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.choosing import lines_of
from brainflix.evaluate.intervals import mean_interval
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.evaluate.ranges import CORRELATION

CLIPS = np.arange(120)


def test_blocks_that_follow_each_other_have_numbers_that_do() -> None:
    segment = ["a", "a", "a", "b", "b", "b", "a"]
    onset = np.array([0, 18, 20, 0, 19.9, 60, 45])
    # Blocks 0, 1, 2 of a; block 0 of b, and block 3, which follows none.
    assert bl.block_clusters(segment, onset).tolist() == [0, 0, 1, 4, 4, 6, 2]


def test_variance_holds_the_covariance_of_neighbours_of_one_segment_only() -> None:
    generator = np.random.default_rng(0)
    clusters = np.repeat([0, 1, 2, 4, 5, 7, 8, 9], [3, 10, 10, 7, 10, 4, 10, 6])
    values = generator.standard_normal(60) + 0.8 * generator.standard_normal(10)[clusters]
    values = np.append(values, np.nan)
    found = mean_interval(values, np.append(clusters, 30))
    mean, n = np.nanmean(values), 60
    u = {c: (values[:-1][clusters == c] - mean).sum() for c in np.unique(clusters)}
    shared = sum(u[a] * u[b] for a, b in [(0, 1), (1, 2), (4, 5), (7, 8), (8, 9)])
    variance = 8 / 7 * (sum(each**2 for each in u.values()) + 2 * max(0.0, shared)) / n**2
    expected = stats.t.interval(0.95, 7, mean, np.sqrt(variance))
    assert (found.lo, found.hi) == pytest.approx(expected)
    assert found.se == pytest.approx(np.sqrt(variance))
    assert (found.n, found.n_nan, found.n_clusters, found.method) == (60, 1, 8, "t-neighbours")


def test_neighbours_that_differ_take_nothing_off() -> None:
    values = np.tile(np.repeat([1.0, -1.0], 5), 6) + 0.01 * np.random.default_rng(1).standard_normal(60)
    clusters = np.arange(60) // 5
    assert mean_interval(values, clusters) == mean_interval(values, 2 * clusters)
    alike = np.repeat(np.random.default_rng(2).standard_normal(6), 10)
    wide, narrow = mean_interval(alike, clusters), mean_interval(alike, 2 * clusters)
    assert wide.hi - wide.lo > 1.1 * (narrow.hi - narrow.lo)


def test_without_neighbours_it_is_student_on_block_means() -> None:
    values = np.random.default_rng(3).standard_normal(24)
    found = mean_interval(values, 2 * (np.arange(24) // 4))
    means = values.reshape(6, 4).mean(axis=1)
    assert (found.lo, found.hi) == pytest.approx(stats.t.interval(0.95, 5, means.mean(), stats.sem(means)))


@pytest.mark.parametrize("method", ["t-neighbours", "percentile", "bca"])
@pytest.mark.parametrize("n_blocks", [1, 2])
def test_fewer_than_three_blocks_have_no_interval(n_blocks: int, method: str) -> None:
    values = np.random.default_rng(4).random(20)
    found = mean_interval(values, np.arange(20) % n_blocks, method=method, n_boot=99)  # type: ignore[arg-type]
    assert np.isnan([found.lo, found.hi, found.se]).all() and (found.method, found.n_clusters) == ("none", n_blocks)
    assert found.value == pytest.approx(values.mean())
    rate = mean_interval(np.zeros(20), np.arange(20) % n_blocks, is_rate=True)
    assert np.isnan([rate.lo, rate.hi]).all() and rate.method == "none"
    assert np.isfinite(mean_interval(values, np.arange(20) % 3).lo)


@pytest.mark.parametrize("n", [3, 12, 120])
def test_limits_are_those_rates_that_give_no_hit_with_half_of_the_error(n: int) -> None:
    none, all_ = (mean_interval(np.full(120, value), CLIPS % n, is_rate=True) for value in (0.0, 1.0))
    assert none.value == none.lo == 0.0 and all_.value == all_.hi == 1.0
    assert (1 - none.hi) ** n == pytest.approx(0.025)
    assert all_.lo == pytest.approx(1 - none.hi)
    assert none.method == all_.method == "clopper-pearson"
    assert mean_interval(np.zeros(120), CLIPS % n, level=0.9, is_rate=True).hi < none.hi


def test_limits_stay_inside_the_range_of_the_metric() -> None:
    one_hit = (CLIPS == 7).astype(float)
    open_, rate = mean_interval(one_hit, 2 * CLIPS), mean_interval(one_hit, 2 * CLIPS, is_rate=True)
    assert open_.lo < 0 == rate.lo and rate.hi == open_.hi
    near = np.where(np.arange(12) == 5, 0.9, 1.0)
    plain, kept = mean_interval(near, 2 * np.arange(12)), mean_interval(near, 2 * np.arange(12), within=CORRELATION)
    assert plain.hi > 1 == kept.hi and kept.lo == plain.lo
    # Rounding takes a perfect score out of its range, and its limits with it.
    beyond = mean_interval(np.full(12, np.nextafter(1.0, 2.0)), 2 * np.arange(12), within=CORRELATION)
    assert (beyond.lo, beyond.hi) == (1.0, 1.0)


def test_every_line_says_what_it_can_be() -> None:
    for protocol in PROTOCOLS.values():
        for name, choice in lines_of(protocol, bug_compat=True).items():
            least, most = choice.about.within
            assert least < most and (name in ("fvd", "kvd") or np.isfinite([least, most]).any()), name


def test_undefined_clips_are_no_trials() -> None:
    holed = mean_interval(np.where(CLIPS < 40, 0.0, np.nan), CLIPS, is_rate=True)
    assert holed.hi == mean_interval(np.zeros(40), CLIPS[:40], is_rate=True).hi
    assert (holed.n, holed.n_nan, holed.n_clusters) == (40, 80, 40)
    assert np.isnan(mean_interval(np.full(120, np.nan), CLIPS, is_rate=True).hi)


def test_bootstraps_are_what_was_asked_for() -> None:
    values, clusters = np.random.default_rng(6).exponential(size=120), CLIPS // 4
    for method in ("percentile", "bca"):
        found = mean_interval(values, clusters, method=method, n_boot=500, seed=3)  # type: ignore[arg-type]
        assert found == cluster_bootstrap(values, clusters, n_boot=500, seed=3, method=method)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown interval"):
        mean_interval(values, clusters, method="basic")  # type: ignore[arg-type]


def test_rare_hits_are_covered_where_the_plain_bootstrap_misses_them() -> None:
    generator = np.random.default_rng(0)
    p, honest, plain = 1 / 120, 0, 0
    for seed in range(400):
        hits = (generator.random(120) < p).astype(float)
        interval = mean_interval(hits, 2 * CLIPS, is_rate=True)
        honest += interval.lo <= p <= interval.hi
        other = cluster_bootstrap(hits, CLIPS, n_boot=399, seed=seed)
        plain += other.lo <= p <= other.hi
    assert honest / 400 >= 0.93
    # No hit at all has probability (1 - p)^120 = 0.366, and its bootstrap interval is [0, 0].
    assert plain / 400 < 0.7
