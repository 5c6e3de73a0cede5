"""Decoded features by dimension: r, its interval, p by shifts within runs, identification, what people say together."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import signal, stats

from brainflix.evaluate.design import Design, Settings, by_film
from brainflix.evaluate.dimension_lines import (
    Courses,
    ceilings,
    correlation_shares,
    dimension_score,
    group_score,
    identification_apart,
    shares_beaten,
)
from brainflix.evaluate.retrieval import near_in_time
from brainflix.evaluate.scene import Film


def film_of(*lengths: int) -> Film:
    segment = tuple(f"run-{run}" for run, length in enumerate(lengths) for _ in range(length))
    return Film(segment, np.concatenate([2.0 * np.arange(length) for length in lengths]))


def design_of(film: Film, permutations: int = 10_000) -> Design:
    return by_film(film.segment, film.onset_s, Settings(permutations=permutations))


def ar(n: int, count: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    return signal.lfilter([1.0], [1.0, -phi], rng.standard_normal((n + 50, count)), axis=0)[50:]


def test_r_is_scipys_and_its_shares_average_to_it() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(80) * 7 + 3
    prediction = 0.4 * truth + rng.standard_normal(80)
    shares = correlation_shares(prediction, truth)
    expected = stats.pearsonr(prediction, truth).statistic
    assert shares.mean() == pytest.approx(expected, abs=1e-12)
    score = dimension_score(
        Courses(prediction[:, None], truth[:, None], ("a",)), 0, design_of(film_of(40, 40)), ceiling=0.9
    )
    assert score.value == pytest.approx(expected, abs=1e-12) and score.ceiling == 0.9
    assert score.ci95[0] < expected < score.ci95[1] and score.chance == pytest.approx(0, abs=0.2)


def test_a_constant_side_has_no_r_and_no_p() -> None:
    truth = np.random.default_rng(0).standard_normal((40, 1))
    for courses in (Courses(np.full((40, 1), 0.1), truth, ("a",)), Courses(truth, np.full((40, 1), 0.1), ("a",))):
        score = dimension_score(courses, 0, design_of(film_of(20, 20)), None)
        assert np.isnan(score.value) and np.isnan(score.p) and score.n == 0


def test_p_counts_every_shift_of_every_run() -> None:
    rng = np.random.default_rng(1)
    film = film_of(7, 9)
    truth = rng.standard_normal((16, 1))
    prediction = 0.6 * truth + rng.standard_normal((16, 1))
    found = dimension_score(Courses(prediction, truth, ("a",)), 0, design_of(film), None)
    r = []
    for first, second in product(range(7), range(9)):
        met = np.concatenate([np.roll(truth[:7, 0], -first), np.roll(truth[7:, 0], -second)])
        r.append(np.corrcoef(prediction[:, 0], met)[0, 1])
    expected = np.mean(np.array(r) >= r[0] - 1e-12)
    assert found.p == pytest.approx(expected) and found.n_group == 63 and found.p_min == pytest.approx(1 / 63)


def test_p_is_uniform_where_nothing_is_decoded() -> None:
    rng = np.random.default_rng(2)
    film = film_of(50, 40, 60)
    design = design_of(film, 999)
    truth, prediction = (np.concatenate([ar(length, 300, phi, rng) for length in (50, 40, 60)]) for phi in (0.8, 0.5))
    courses = Courses(prediction, truth, tuple(f"d{number}" for number in range(300)))
    p = [dimension_score(courses, dim, design, None).p for dim in range(300)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_intervals_hold_the_true_r() -> None:
    rng = np.random.default_rng(3)
    film = film_of(300, 300)
    design = design_of(film, 0)
    truth = np.concatenate([ar(300, 300, 0.6, rng) for _ in range(2)])
    noise = np.concatenate([ar(300, 300, 0.6, rng) for _ in range(2)])
    courses = Courses(0.5 * truth + np.sqrt(0.75) * noise, truth, tuple(f"d{number}" for number in range(300)))
    limits = np.array([dimension_score(courses, dim, design, None).ci95 for dim in range(300)])
    held = np.mean((limits[:, 0] <= 0.5) & (limits[:, 1] >= 0.5))
    assert 0.91 <= held <= 0.99


def test_a_group_is_the_mean_of_its_dimensions() -> None:
    rng = np.random.default_rng(4)
    truth = rng.standard_normal((60, 3))
    courses = Courses(truth + rng.standard_normal((60, 3)), truth, ("a", "b", "c"))
    design = design_of(film_of(30, 30))
    alone = [dimension_score(courses, dim, design, None).value for dim in (0, 2)]
    assert group_score(courses, (0, 2), design, None).value == pytest.approx(np.mean(alone), abs=1e-12)


def test_identification_leaves_neighbours_out() -> None:
    rng = np.random.default_rng(5)
    film = film_of(12, 15)
    similarities = np.round(rng.standard_normal((27, 27)), 1)
    near = near_in_time(film.segment, film.onset_s, 6.0)
    expected = np.zeros((27, 27))
    for i in range(27):
        for j in range(27):
            rivals = similarities[i, ~near[j]]
            expected[i, j] = np.mean((rivals < similarities[i, j]) + 0.5 * (rivals == similarities[i, j]))
    np.testing.assert_allclose(shares_beaten(similarities, near), expected, atol=1e-12)
    score = identification_apart(similarities, np.eye(27), film, 6.0, design_of(film), np.zeros((27, 27)))
    assert score.value == pytest.approx(np.diagonal(expected).mean()) and score.chance_analytic == 0.5
    assert score.baselines["train_mean"] == 0.5 and score.ceiling == 1.0


def test_what_people_say_together() -> None:
    rng = np.random.default_rng(6)
    truth = rng.standard_normal((50, 2))
    people = [Courses(truth * 3 + rng.standard_normal((50, 2)) * 4, truth, ("a", "b")) for _ in range(3)]
    found = ceilings(people[0], people[1:])
    mean = np.mean([stats.zscore(each.prediction, axis=0) for each in people], axis=0)
    for dim, name in enumerate(("a", "b")):
        assert found[name] == pytest.approx(stats.pearsonr(mean[:, dim], truth[:, dim]).statistic, abs=1e-12)
    assert ceilings(people[0], []) == {}
