"""Retrieval with a tolerance of time, against loops and seeded simulations."""

from __future__ import annotations

import numpy as np
import pytest
import rankings
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import identification, nway, retrieval

SEGMENT = ["a"] * 7 + ["b"] * 5
ONSET_S = np.array([0, 4, 8, 12, 16, 20, 24, 0, 4, 8, 12, 16.0])


def _matrix(seed: int = 0, levels: int | None = None) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((12, 12)) + 0.5 * np.eye(12)
    return np.round(values * levels) / levels if levels else values


def test_exact_expectation_over_subsets_is_the_hypergeometric_tail_and_what_drawing_gets() -> None:
    matrix, generator = _matrix(), np.random.default_rng(1)
    above = (matrix > matrix.diagonal()[:, None]).sum(axis=1)
    exact = rankings.retrieval(matrix, 2, gallery=5)
    assert exact == pytest.approx(stats.hypergeom.cdf(1, 11, above, 4), abs=1e-12)
    draws = np.zeros((4000, 12))
    for draw in draws:
        for i in range(12):
            others = generator.choice(np.delete(np.arange(12), i), 4, replace=False)
            draw[i] = (matrix[i, others] > matrix[i, i]).sum() < 2
    assert (np.abs(draws.mean(axis=0) - exact) <= 4 * draws.std(axis=0) / np.sqrt(4000)).all()


def test_near_clips_share_their_segment_and_their_time() -> None:
    near = retrieval.near_in_time(SEGMENT, ONSET_S, 8.0)
    for i in range(12):
        for j in range(12):
            assert near[i, j] == (SEGMENT[i] == SEGMENT[j] and abs(ONSET_S[i] - ONSET_S[j]) <= 8)


@pytest.mark.parametrize("direction", identification.DIRECTIONS)
@pytest.mark.parametrize("k", [1, 3])
def test_a_hit_is_any_clip_within_the_tolerance(direction: identification.Direction, k: int) -> None:
    matrix, near = _matrix(), retrieval.near_in_time(SEGMENT, ONSET_S)
    rows = matrix if direction == "brain_to_stim" else matrix.T
    expected = [float(near[i, np.argsort(-rows[i])[:k]].any()) for i in range(12)]
    assert 0 < sum(expected) < 12
    for ties in nway.TIES:
        assert retrieval.retrieval_near(matrix, near, k, direction, ties) == pytest.approx(expected)


@pytest.mark.parametrize("ties", nway.TIES)
@pytest.mark.parametrize("levels", [None, 1])
def test_without_tolerance_it_is_plain_retrieval(ties: nway.Ties, levels: int | None) -> None:
    matrix = _matrix(2, levels)
    expected = rankings.retrieval(matrix, 3, ties=ties)
    assert retrieval.retrieval_near(matrix, np.eye(12, dtype=bool), 3, ties=ties) == pytest.approx(expected, abs=1e-9)


def test_fair_ties_are_what_random_order_among_equals_gets() -> None:
    matrix, near = _matrix(3, 1), retrieval.near_in_time(SEGMENT, ONSET_S, 4.0)
    generator = np.random.default_rng(0)
    found = np.zeros((3000, 12))
    for draw in found:
        order = np.lexsort((generator.random((12, 12)), -matrix), axis=1)[:, :2]
        draw[:] = np.take_along_axis(near, order, axis=1).any(axis=1)
    fair = retrieval.retrieval_near(matrix, near, 2)
    assert ((fair > 0.05) & (fair < 0.95)).any()
    assert (np.abs(found.mean(axis=0) - fair) <= 4 * np.sqrt(fair * (1 - fair) / 3000) + 1e-12).all()
    lose, win = (retrieval.retrieval_near(matrix, near, 2, ties=ties) for ties in ("lose", "win"))
    assert ((lose <= fair + 1e-12) & (fair <= win + 1e-12)).all()


def test_chance_with_a_tolerance_is_what_noise_gets() -> None:
    near = retrieval.near_in_time(SEGMENT, ONSET_S)
    generator = np.random.default_rng(4)
    draws = [retrieval.retrieval_near(generator.standard_normal((12, 12)), near, 2).mean() for _ in range(800)]
    assert abs(np.mean(draws) - retrieval.chance_near(near, 2)) < 4 * np.std(draws) / np.sqrt(800)
    assert retrieval.chance_near(np.eye(12, dtype=bool), 3) == pytest.approx(identification.retrieval_chance(3, 12))


def test_refuses_what_cannot_be_ranked() -> None:
    matrix, near = _matrix(), retrieval.near_in_time(SEGMENT, ONSET_S)
    with pytest.raises(DataError, match="NaN"):
        retrieval.retrieval_near(np.where(matrix == matrix[0, 0], np.nan, matrix), near, 1)
    with pytest.raises(DataError, match="diagonal"):
        retrieval.retrieval_near(matrix, ~near, 1)
    with pytest.raises(DataError, match="symmetric"):
        retrieval.retrieval_near(matrix, np.triu(np.ones((12, 12), bool)), 1)
    with pytest.raises(UsageError, match="retrieved"):
        retrieval.retrieval_near(matrix, near, 13)
    with pytest.raises(UsageError, match="tie rule"):
        retrieval.retrieval_near(matrix, near, 1, ties="best")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="tolerance"):
        retrieval.near_in_time(SEGMENT, ONSET_S, -1.0)
    with pytest.raises(DataError, match="n_clips"):
        retrieval.near_in_time(SEGMENT[:3], ONSET_S)
