"""Identification on deep features against its definition, block by block, with blocks of clips left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import correlation

from brainflix.errors import DataError
from brainflix.evaluate import identification
from brainflix.evaluate.deep_identification import correlation_distance, deep_identification


def _features(n_clips: int = 9, n_frames: int = 2, n_dims: int = 31, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth, noise = np.random.default_rng(seed).standard_normal((2, n_clips, n_frames, n_dims)).astype(np.float32)
    return truth + 3, 0.3 * truth + noise


def _by_definition(truth: np.ndarray, prediction: np.ndarray, clusters: np.ndarray | None = None) -> list[float]:
    n, n_frames = truth.shape[:2]
    scores = []
    for j in range(n):
        frames = []
        for t in range(n_frames):
            r = [np.corrcoef(truth[i, t], prediction[j, t])[0, 1] for i in range(n)]
            others = [i for i in range(n) if i != j and (clusters is None or clusters[i] != clusters[j])]
            frames.append(np.mean([r[i] < r[j] for i in others]))
        scores.append(float(np.mean(frames)))
    return scores


@pytest.mark.parametrize("memory_bytes", [1, 4000, 2**28])
@pytest.mark.parametrize("clusters", [None, np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])])
def test_equals_the_definition_in_blocks_of_any_size(memory_bytes: int, clusters: np.ndarray | None) -> None:
    truth, prediction = _features()
    values, n_undefined = deep_identification(truth, prediction, clusters, memory_bytes=memory_bytes)
    assert values == pytest.approx(_by_definition(truth, prediction, clusters))
    assert n_undefined == 0


def test_is_the_two_way_closed_form_with_ties_that_lose() -> None:
    truth, prediction = _features(12, 1)
    matrix = identification.similarity(prediction[:, 0], truth[:, 0])
    expected = np.diagonal(identification.identification_matrix(matrix, ties="lose"))
    assert deep_identification(truth, prediction)[0] == pytest.approx(expected)


@pytest.mark.parametrize("memory_bytes", [1, 3000, 2**28])
def test_copies_of_the_truth_tie_and_lose_wherever_they_stand(memory_bytes: int) -> None:
    truth, _ = _features(20, 1, 301)
    truth[10:] = truth[:10]
    values, _ = deep_identification(truth, truth.copy(), memory_bytes=memory_bytes)
    assert values == pytest.approx(np.full(20, 18 / 19), abs=1e-15)


def test_noise_is_at_one_half_and_the_truth_itself_at_one() -> None:
    truth, _ = _features(60, 4)
    noise, _ = _features(60, 4, seed=9)
    assert deep_identification(truth, truth)[0] == pytest.approx(np.ones(60))
    assert abs(deep_identification(truth, noise)[0].mean() - 0.5) < 0.08


def test_constant_features_are_undefined_and_no_distractors() -> None:
    truth, prediction = _features()
    prediction[1, 0], truth[4] = 0.1, 7.3
    values, n_undefined = deep_identification(truth, prediction)
    assert n_undefined == 1 + 2
    assert np.isnan(values[4])
    kept = [i for i in range(9) if i != 4]
    clean = deep_identification(truth[kept], prediction[kept])[0]
    assert values[kept] == pytest.approx(clean)
    alone = deep_identification(truth, prediction, np.zeros(9))
    assert np.isnan(alone[0]).all()
    assert alone[1] == 18


@pytest.mark.parametrize("memory_bytes", [1, 2**28])
def test_correlation_distance_is_scipys(memory_bytes: int) -> None:
    truth, prediction = _features()
    pairs = [[correlation(*pair) for pair in zip(*clip, strict=True)] for clip in zip(truth, prediction, strict=True)]
    expected = np.mean(pairs, axis=1)
    prediction[2, 1], expected[2] = 5, pairs[2][0]
    values, n_undefined = correlation_distance(truth, prediction, memory_bytes=memory_bytes)
    assert values == pytest.approx(expected, abs=1e-6)
    assert n_undefined == 1


def test_refuses_what_cannot_be_compared() -> None:
    truth, prediction = _features()
    with pytest.raises(DataError, match="do not match"):
        deep_identification(truth, prediction[:, :1])
    with pytest.raises(DataError, match="do not match"):
        correlation_distance(truth[0], prediction[0])
    with pytest.raises(DataError, match="told from others"):
        deep_identification(truth[:1], prediction[:1])
    with pytest.raises(DataError, match="clusters"):
        deep_identification(truth, prediction, np.zeros(3))
