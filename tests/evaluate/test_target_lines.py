"""Lines of a regressed target against scikit-learn, scipy and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from brainflix.evaluate.design import Design, Settings, by_film
from brainflix.evaluate.retrieval import near_in_time, retrieval_near, retrieval_near_matrix
from brainflix.evaluate.scene import Film
from brainflix.evaluate.target_lines import target_lines, target_row
from brainflix.evaluate.vectors import match

N, DIMS = 80, 12


def make_film(n: int, per_segment: int) -> Film:
    segment = tuple(f"test{1 + i // per_segment}" for i in range(n))
    return Film(segment, np.array([2.0 * (i % per_segment) for i in range(n)]))


FILM = make_film(N, 40)
SETTINGS = Settings(permutations=999, n_boot=999)


@pytest.fixture(scope="module")
def design() -> Design:
    return by_film(FILM.segment, FILM.onset_s, SETTINGS)


def planted(signal: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    mean = rng.standard_normal(DIMS) * 3
    truth, training = mean + rng.standard_normal((N, DIMS)), mean + rng.standard_normal((300, DIMS))
    return mean + signal * (truth - mean) + 0.5 * rng.standard_normal((N, DIMS)), truth, training


def test_vectors_are_compared_about_the_training_mean(design: Design) -> None:
    prediction, truth, training = planted(0.8)
    lines = target_lines("z", match(prediction, truth, training), FILM, design)
    mean, sd = training.mean(axis=0), training.std(axis=0)
    pairs = list(zip((prediction - mean) / sd, (truth - mean) / sd, strict=True))
    assert lines["pattern_z"].score.per_clip == pytest.approx([stats.pearsonr(*pair).statistic for pair in pairs])
    p, t = prediction - mean, truth - mean
    cosines = (p * t).sum(axis=1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    assert lines["cosine_z"].score.per_clip == pytest.approx(cosines)
    skill = 1 - np.square(prediction - truth).sum() / np.square(t).sum()
    assert lines["explained_z"].score.value == pytest.approx(skill)
    for name in ("pattern_z", "cosine_z", "explained_z"):
        score = lines[name].score
        assert score.p < 0.01 and score.ceiling == 1.0 and score.chance < score.value
    errors = [np.square(prediction[i] - truth[j]).sum() for i, j in np.argwhere(design.strangers.of(np.arange(N)))]
    strangers = 1 - np.mean(errors) / np.square(t).sum(axis=1).mean()
    assert lines["explained_z"].score.chance == pytest.approx(strangers, abs=0.02)


def test_noise_explains_less_than_nothing_and_the_mean_exactly_nothing(design: Design) -> None:
    prediction, truth, training = planted(0.0)
    noise = target_lines("z", match(prediction, truth, training), FILM, design)["explained_z"].score
    assert noise.value < 0 and noise.p > 0.05
    constant = np.tile(training.mean(axis=0), (N, 1))
    lines = target_lines("z", match(constant, truth, training), FILM, design)
    assert lines["explained_z"].score.value == pytest.approx(0.0, abs=1e-12)
    for name in ("pattern_z", "cosine_z"):
        assert (lines[name].score.n, lines[name].score.n_nan) == (0, N), "a constant has no direction"


def test_r2_of_the_whole_target_is_scikit_learns() -> None:
    prediction, truth, training = planted(0.8)
    row = target_row("z", match(prediction, truth, training).regressed)
    assert row["r2_mean"] == pytest.approx(r2_score(truth, prediction), abs=1e-6)
    assert row["r2_weighted"] == pytest.approx(r2_score(truth, prediction, multioutput="variance_weighted"), abs=1e-6)
    assert row["r2_median"] == pytest.approx(np.median(r2_score(truth, prediction, multioutput="raw_values")), abs=1e-6)
    profile = [stats.pearsonr(a, b).statistic for a, b in zip(prediction.T, truth.T, strict=True)]
    assert row["profile_correlation"] == pytest.approx(np.mean(profile), abs=1e-6)
    assert (row["target"], row["dims"], row["undefined_dims"]) == ("z", DIMS, 0)


def test_both_directions_and_neighbours_of_retrieval(design: Design) -> None:
    matched = match(*planted(0.4))
    lines, similar = target_lines("z", matched, FILM, design), matched.prediction
    for k in (1, 5):
        by_stimulus = (similar > np.diagonal(similar)).sum(axis=0)
        assert lines[f"retrieval{k}_stim_to_brain_z"].score.per_clip == pytest.approx((by_stimulus < k).astype(float))
        best = np.argsort(-similar, axis=1)[:, :k]
        same = [[FILM.segment[j] == FILM.segment[i] and abs(j - i) <= 5 for j in row] for i, row in enumerate(best)]
        score = lines[f"retrieval{k}_near_z"].score
        assert score.per_clip == pytest.approx(np.array(same).any(axis=1).astype(float))
        assert score.value >= lines[f"retrieval{k}_z"].score.value and score.chance_analytic > k / N
        assert score.chance == pytest.approx(score.chance_analytic, abs=0.1)


def test_pairings_of_retrieval_with_tolerance_are_those_of_each_pair() -> None:
    similar = np.random.default_rng(5).standard_normal((12, 12))
    near = near_in_time(["a"] * 6 + ["b"] * 6, np.tile(np.arange(6.0), 2), 1.0)
    for k in (1, 4):
        matrix = retrieval_near_matrix(similar, near, k)
        assert np.diagonal(matrix) == pytest.approx(retrieval_near(similar, near, k))
        best = np.argsort(-similar, axis=1)[:, :k]
        by_hand = [[float(any(near[found, j] for found in row)) for j in range(12)] for row in best]
        assert np.array_equal(matrix, by_hand)


def test_large_sets_are_also_retrieved_from_the_published_gallery() -> None:
    rng, n = np.random.default_rng(6), 320
    film, truth = make_film(n, n), rng.standard_normal((n, DIMS))
    matched = match(truth + rng.standard_normal((n, DIMS)), truth, truth)
    line = target_lines("z", matched, film, by_film(film.segment, film.onset_s, SETTINGS), (1,))["retrieval1_of300_z"]
    above = (matched.prediction > np.diagonal(matched.prediction)[:, None]).sum(axis=1)
    assert line.score.per_clip == pytest.approx(stats.hypergeom.cdf(0, n - 1, above, 299))
    assert line.score.chance_analytic == pytest.approx(1 / 300)
