"""The delay of responses: a planted one is found, none is not invented, and the trim's own is not counted twice."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.align.lag import lag_scan
from brainflix.errors import DataError

RNG = np.random.default_rng(0)


def runs(delay_tr: int, n=80, snr=0.5, n_runs=6):
    """Runs with and without their first volume, whose columns follow the film with either sign."""
    made = []
    for number in range(n_runs):
        film = RNG.standard_normal((n, 2))
        late = number % 2
        data = RNG.standard_normal((n + 6, 10))
        signal = film @ RNG.standard_normal((2, 10))
        data[delay_tr : delay_tr + n] += snr * signal[: n + 6 - delay_tr]
        made.append((film, data[late:], late))
    return made


@pytest.mark.parametrize("delay_tr", [0, 1, 2, 3, 5])
def test_a_planted_delay_is_found(delay_tr):
    found = lag_scan(runs(delay_tr), 2.0, seed=0, n_shifts=100)
    assert found.delays_s[found.explained.argmax()] == 2.0 * delay_tr
    assert found.best_s == pytest.approx(2.0 * delay_tr, abs=0.5) and found.p < 0.02
    peak = int(found.explained.argmax())
    assert found.low[peak] > found.chance and (found.low <= found.high).all()


def test_noise_has_no_delay():
    ps = [lag_scan(runs(2, snr=0.0), 2.0, seed=seed, n_shifts=40).p for seed in range(8)]
    assert np.mean(np.array(ps) < 0.05) <= 0.25


def test_the_seed_decides_and_nothing_else():
    made = runs(2)
    one, other = (lag_scan(made, 2.0, seed=3, n_shifts=20) for _ in range(2))
    assert (one.low == other.low).all() and one.p == other.p


def test_too_short_runs_and_none_are_refused():
    with pytest.raises(DataError, match="no runs"):
        lag_scan([], 2.0, seed=0)
    with pytest.raises(DataError, match="too short"):
        lag_scan([(np.ones((4, 2)), np.ones((5, 3)), 1)], 2.0, seed=0)
