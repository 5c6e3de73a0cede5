"""The strict protocol on planted systems: chance without signal, more with it, honest comparison of decoders."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.evaluate.design import Design, Settings, by_film
from brainflix.evaluate.identification import DIRECTIONS, identification_matrix
from brainflix.evaluate.vectors import match, score_match, similarities_of

N = 80


@pytest.fixture(scope="module")
def design() -> Design:
    segments = [f"test{1 + i // 40}" for i in range(N)]
    onset_s = np.array([2.0 * (i % 40) for i in range(N)])
    return by_film(segments, onset_s, Settings(permutations=1999, n_boot=1999))


def planted(signal: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth, training = rng.standard_normal((N, 30)), rng.standard_normal((200, 30))
    return signal * truth + rng.standard_normal((N, 30)), truth, training


def test_noise_scores_chance_and_signal_scores_more(design: Design) -> None:
    nulls = [score_match(match(*planted(0.0, seed)), design) for seed in range(20)]
    assert sum(s.ci95[0] <= 0.5 <= s.ci95[1] for s in nulls) >= 17
    assert 0.2 < np.mean([s.p for s in nulls]) < 0.8
    found = score_match(match(*planted(0.7, 1)), design)
    assert found.p == 1 / 1600 and found.value > 0.9 and found.ci95[0] > found.chance_analytic > found.chance


def test_a_constant_prediction_is_at_chance_and_not_an_error(design: Design) -> None:
    _, truth, training = planted(0.0, 2)
    matrix = identification_matrix(similarities_of(np.tile(training.mean(axis=0), (N, 1)), truth, training))
    assert np.allclose(matrix, 0.5)


def test_baseline_and_ceiling_of_a_target_are_scored_and_equal_targets_tie(design: Design) -> None:
    prediction, truth, training = planted(0.7, 6)
    truth[40:] = truth[:40]
    matched = match(prediction, truth, training)
    identified = score_match(matched, design)
    # 78 of 79 others are worse, the twin ties and counts half.
    assert identified.ceiling == pytest.approx(78.5 / 79)
    assert identified.baselines["train_mean"] == pytest.approx(0.5)
    first, fifth = score_match(matched, design, 1), score_match(matched, design, 5)
    assert (first.ceiling, fifth.ceiling) == pytest.approx((0.5, 1.0))
    assert first.baselines["train_mean"] == pytest.approx(1 / N)
    assert fifth.baselines["train_mean"] == pytest.approx(5 / N)


def test_retrieval_counts_the_own_clip_among_the_nearest(design: Design) -> None:
    prediction, truth, training = planted(0.4, 7)
    mean, sd = training.mean(axis=0), training.std(axis=0)
    nearness = np.corrcoef((prediction - mean) / sd, (truth - mean) / sd)[:N, N:]
    rank = (nearness > np.diagonal(nearness)[:, None]).sum(axis=1)
    for k in (1, 5):
        score = score_match(match(prediction, truth, training), design, k)
        assert score.per_clip == pytest.approx((rank < k).astype(float))
        assert score.chance_analytic == pytest.approx(k / N)
        assert score.chance == pytest.approx(k / N, abs=0.02)
        assert score.ceiling == 1.0 and score.value > score.chance and score.p < 0.01


def test_order_of_the_clips_does_not_matter() -> None:
    prediction, truth, training = planted(0.5, 3)
    order = np.random.default_rng(0).permutation(N)
    before = np.diagonal(identification_matrix(similarities_of(prediction, truth, training)))
    after = np.diagonal(identification_matrix(similarities_of(prediction[order], truth[order], training)))
    assert np.allclose(before[order], after)


def test_retrieval_without_a_hit_does_not_exclude_chance(design: Design) -> None:
    _, truth, training = planted(0.0, 8)
    score = score_match(match(-truth, truth, training), design, 1)
    assert score.value == 0.0 and score.ci95[0] == 0.0
    assert score.ci95[0] < score.chance_analytic < score.ci95[1]


def test_each_direction_of_retrieval_ranks_its_own_side(design: Design) -> None:
    prediction, truth, training = planted(0.5, seed=3)
    matched = match(prediction, truth, training)
    r, own = matched.prediction, np.diagonal(matched.prediction)
    hits = {direction: score_match(matched, design, 5, direction) for direction in DIRECTIONS}
    assert np.array_equal(hits["brain_to_stim"].per_clip, (r > own[:, None]).sum(axis=1) < 5)
    assert np.array_equal(hits["stim_to_brain"].per_clip, (r > own[None, :]).sum(axis=0) < 5)
    assert not np.array_equal(hits["brain_to_stim"].per_clip, hits["stim_to_brain"].per_clip)
