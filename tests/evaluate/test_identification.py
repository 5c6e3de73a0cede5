"""Identification and retrieval against literal loops, and the two directions kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from rankings import retrieval

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import identification as ident


def _matrix(n: int = 12, seed: int = 0, levels: int | None = None) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((n, n)) + 0.7 * np.eye(n)
    return np.round(values * levels) / levels if levels else values


def test_similarity_is_pearson_or_cosine() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((4, 30)), generator.standard_normal((5, 30))
    assert ident.similarity(a, b) == pytest.approx(np.corrcoef(a, b)[:4, 4:])
    cosine = ident.similarity(a, b, "cosine")
    assert cosine[1, 3] == pytest.approx(a[1] @ b[3] / np.linalg.norm(a[1]) / np.linalg.norm(b[3]))


def test_equal_targets_are_equally_similar_to_the_last_bit() -> None:
    # A matrix product alone rounds some of two equal columns differently by their place, in a quarter of these cases.
    for seed in range(40):
        generator = np.random.default_rng(seed)
        half = generator.standard_normal((int(generator.integers(5, 70)), int(generator.integers(10, 300))))
        truth = np.concatenate([half, half])
        matrix = ident.similarity(generator.standard_normal((len(truth) + 1, half.shape[1])), truth)
        assert np.array_equal(matrix[:, : len(half)], matrix[:, len(half) :])


def test_standardise_leaves_out_dims_without_variance() -> None:
    values = np.array([[1.0, 5.0], [3.0, 9.0]])
    result = ident.standardise(values, np.array([2.0, 5.0]), np.array([0.5, 0.0]))
    assert result.tolist() == [[-2.0, 0.0], [2.0, 0.0]]


def test_constant_prediction_has_no_similarity_and_cannot_be_identified() -> None:
    truth = np.random.default_rng(0).standard_normal((3, 10))
    prediction = truth.copy()
    prediction[1] = 0.1
    matrix = ident.similarity(prediction, truth)
    assert np.isnan(matrix[1]).all()
    assert not np.isnan(matrix[[0, 2]]).any()
    with pytest.raises(DataError, match="NaN"):
        ident.identification_matrix(matrix)


@pytest.mark.parametrize("direction", ident.DIRECTIONS)
@pytest.mark.parametrize("levels", [None, 1])
def test_pairwise_identification_equals_the_literal_loop(direction: ident.Direction, levels: int | None) -> None:
    matrix = _matrix(levels=levels)
    rows = matrix if direction == "brain_to_stim" else matrix.T
    lose = [sum(rows[i, i] > rows[i, j] for j in range(12) if j != i) / 11 for i in range(12)]
    ties = [sum(rows[i, i] == rows[i, j] for j in range(12) if j != i) / 11 for i in range(12)]
    strict, fair = (ident.identification_matrix(matrix, 2, 1, direction, rule) for rule in ("lose", "fair"))
    assert np.diagonal(strict) == pytest.approx(lose)
    assert np.diagonal(fair) == pytest.approx(np.add(lose, np.divide(ties, 2)))


def test_brain_to_stim_ranks_stimuli_for_each_prediction() -> None:
    # Stimulus 0 attracts every prediction: each brain finds it first, while it itself still finds its own brain.
    matrix = np.array([[0.9, 0.1, 0.2], [0.8, 0.5, 0.1], [0.7, 0.3, 0.6]])
    assert retrieval(matrix, 1, "brain_to_stim").tolist() == [1, 0, 0]
    assert retrieval(matrix, 1, "stim_to_brain").tolist() == [1, 1, 1]
    with pytest.raises(UsageError, match="brain_to_stim"):
        retrieval(matrix, 1, "forward")  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [1, 3, 12])
def test_top_k_retrieval_equals_sorting(k: int) -> None:
    matrix = _matrix(seed=1)
    expected = [i in np.argsort(-matrix[i])[:k] for i in range(12)]
    assert retrieval(matrix, k) == pytest.approx(np.array(expected, float), abs=1e-12)


def test_retrieval_in_random_galleries_is_exact() -> None:
    matrix, generator = _matrix(30, seed=2), np.random.default_rng(0)
    exact = retrieval(matrix, 2, gallery=8).mean()
    draws = []
    for _ in range(4000):
        some = generator.choice(30, 8, replace=False)
        part = matrix[np.ix_(some, some)]
        draws.append(np.mean((part > part.diagonal()[:, None]).sum(axis=1) < 2))
    assert abs(np.mean(draws) - exact) < 4 * np.std(draws) / np.sqrt(4000)


def test_chance_of_retrieval_is_what_noise_gets() -> None:
    noise = np.random.default_rng(3).standard_normal((400, 400))
    value = retrieval(noise, 40).mean()
    assert abs(value - ident.retrieval_chance(40, 400)) < 4 * np.sqrt(0.09 / 400)
    assert ident.retrieval_chance(10, 1200) == pytest.approx(1 / 120)


@pytest.mark.parametrize("direction", ident.DIRECTIONS)
def test_matrix_scores_the_pairings_it_says(direction: ident.Direction) -> None:
    matrix = _matrix(9, seed=4, levels=2)
    scores = ident.identification_matrix(matrix, 4, 2, direction)
    for i in range(9):
        for j in range(9):
            row = matrix[i] if direction == "brain_to_stim" else matrix[:, j]
            own = matrix[i, j]
            counts = ident.Counts(np.array((row > own).sum()), np.array((row == own).sum() - 1), 8)
            assert scores[i, j] == pytest.approx(float(ident.accuracy(counts, 4, 2)), abs=1e-12)
