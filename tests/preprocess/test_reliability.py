"""Split-half reliability against scipy, and the traps of the published selections."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.preprocess.reliability import Reliability, reliability_t, run_z, select

N_RUNS, N_VOLUMES, N_VERTICES = 18, 120, 400


def _repeats(seed: int = 0, shared: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two repeats in which planted vertices share a signal and others share it with opposite sign."""
    rng = np.random.default_rng(seed)
    shape = (N_RUNS, N_VOLUMES, N_VERTICES)
    film, a, b = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape)
    planted, opposite = np.zeros((2, N_VERTICES), bool)
    planted[rng.permutation(N_VERTICES)[:60]] = True
    opposite[rng.permutation(np.flatnonzero(~planted))[:40]] = True
    a += shared * film * (planted | opposite)
    b += shared * film * (planted.astype(float) - opposite)
    return a, b, planted, opposite


def _z(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.stack([run_z(*pair) for pair in zip(a, b, strict=True)])


def test_z_and_t_equal_scipy() -> None:
    a, b, _, _ = _repeats()
    z = _z(a, b)
    r = [[stats.pearsonr(a[run, :, v], b[run, :, v]).statistic for v in range(20)] for run in range(N_RUNS)]
    expected = np.arctanh(r)
    np.testing.assert_allclose(z[:, :20], expected, atol=1e-12)
    for two_sided, alternative in ((False, "greater"), (True, "two-sided")):
        ours, theirs = reliability_t(z, two_sided=two_sided), stats.ttest_1samp(z, 0, alternative=alternative)
        np.testing.assert_allclose(ours.t, theirs.statistic, rtol=1e-11)
        np.testing.assert_allclose(ours.p, theirs.pvalue, rtol=1e-9)
    np.testing.assert_allclose(reliability_t(z).z_mean, z.mean(axis=0))


@pytest.mark.parametrize("rule", ["bonferroni", "top"])
def test_planted_vertices_are_found_exactly_and_opposite_ones_never(rule: str) -> None:
    a, b, planted, opposite = _repeats()
    reliability = reliability_t(_z(a, b))
    mask = select(reliability, "bonferroni") if rule == "bonferroni" else select(reliability, "top", n=60)
    np.testing.assert_array_equal(mask, planted)
    everything = select(reliability, "top", n=N_VERTICES)
    assert not (everything & opposite).any()
    assert (everything & planted).sum() == planted.sum()


def test_the_two_sided_test_lets_opposite_vertices_pass() -> None:
    a, b, planted, opposite = _repeats()
    reliability = reliability_t(_z(a, b), two_sided=True)
    np.testing.assert_array_equal(select(reliability), planted | opposite)
    np.testing.assert_array_equal(select(reliability, "top", n=100), planted | opposite)


def test_false_alarms_of_pure_noise_stay_at_the_familywise_level() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(100):
        reliability = reliability_t(np.arctanh(rng.normal(scale=0.1, size=(N_RUNS, 200)).clip(-0.9, 0.9)))
        alarms += bool(select(reliability, alpha=0.2).any())
    # Binomial(100, <= 0.2): 34 or more has probability below 0.001.
    assert 5 <= alarms <= 33


def test_clipped_ranking_prefers_low_indices_and_ours_does_not() -> None:
    p = np.full(10, 0.5)
    p[[8, 9]] = 1e-6, 0.3
    reliability = Reliability(stats.t.isf(p, 17), p, np.zeros(10))
    np.testing.assert_array_equal(np.flatnonzero(select(reliability, "top-clipped", n=3)), [0, 1, 8])
    chosen = np.flatnonzero(select(reliability, "top", n=2))
    np.testing.assert_array_equal(chosen, [8, 9])


def test_constant_vertices_are_undefined_and_never_selected() -> None:
    a, b, planted, _ = _repeats()
    vertex = int(np.flatnonzero(planted)[0])
    a[4, :, vertex] = 0.1
    b[:, :, 0] = 7.0
    z = _z(a, b)
    assert np.isnan(z[4, vertex])
    assert np.isnan(z[:, 0]).all()
    reliability = reliability_t(z)
    assert np.isnan(reliability.t[[0, vertex]]).all()
    assert (reliability.p[[0, vertex]] == 1).all()
    for mask in (select(reliability), select(reliability, "top", n=N_VERTICES)):
        assert not mask[[0, vertex]].any()


def test_identical_repeats_and_equal_z_stay_defined() -> None:
    a, _, _, _ = _repeats()
    z = _z(a, a)
    assert np.isfinite(z).all()
    assert (z > 15).all()
    flat = reliability_t(np.array([[0.5, -0.5, 0.0]] * 4))
    assert flat.t[0] == np.inf
    assert flat.t[1] == -np.inf
    assert np.isnan(flat.t[2])
    np.testing.assert_array_equal(flat.p, [0.0, 1.0, 1.0])


def test_tile_size_changes_nothing() -> None:
    a, b, _, _ = _repeats()
    np.testing.assert_allclose(run_z(a[0], b[0], column_tile=7), run_z(a[0], b[0]), atol=1e-13)


def test_unusable_input_is_refused() -> None:
    a, b, _, _ = _repeats()
    with pytest.raises(DataError, match="equal shapes"):
        run_z(a[0], b[0, :, 1:])
    with pytest.raises(DataError, match="n_runs >= 2"):
        reliability_t(np.zeros((1, 5)))
    reliability = reliability_t(_z(a, b))
    for options in ({"rule": "topp", "n": 3}, {"rule": "top"}, {"rule": "top", "n": 0}, {"alpha": 0.0}):
        with pytest.raises(UsageError):
            select(reliability, **options)
