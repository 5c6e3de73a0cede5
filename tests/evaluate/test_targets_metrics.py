"""Scores of regressed targets against scikit-learn, numpy and what a mean prediction must get."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.evaluate import targets_metrics as tm


def _data(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mean, sd = generator.standard_normal(12) * 3, generator.uniform(0.5, 2, 12)
    truth = mean + sd * generator.standard_normal((40, 12))
    prediction = mean + 0.5 * (truth - mean) + 0.3 * generator.standard_normal((40, 12))
    return truth, prediction, mean, sd


def test_r2_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, prediction, _, _ = _data()
    assert tm.r2_per_dim(truth, prediction) == pytest.approx(
        metrics.r2_score(truth, prediction, multioutput="raw_values")
    )
    summary = tm.r2_summary(truth, prediction)
    assert summary.weighted == pytest.approx(metrics.r2_score(truth, prediction, multioutput="variance_weighted"))
    assert summary.mean == pytest.approx(tm.r2_per_dim(truth, prediction).mean())
    assert summary.median == pytest.approx(np.median(tm.r2_per_dim(truth, prediction)))


def test_training_mean_has_no_skill_and_truth_has_all() -> None:
    truth, _, mean, _ = _data()
    assert tm.r2_per_dim(truth, np.tile(mean, (40, 1)), mean) == pytest.approx(np.zeros(12), abs=1e-12)
    assert (tm.r2_per_dim(truth, truth, mean) == 1).all()
    assert (tm.r2_per_dim(truth, np.tile(mean, (40, 1))) <= 0).all()


def test_constant_dims_are_undefined_and_counted() -> None:
    truth, prediction, mean, _ = _data()
    truth[:, 3] = 0.1
    assert np.flatnonzero(np.isnan(tm.r2_per_dim(truth, prediction))).tolist() == [3]
    assert np.flatnonzero(np.isnan(tm.profile_correlation(truth, prediction))).tolist() == [3]
    assert tm.r2_summary(truth, prediction).n_undefined == 1
    assert not np.isnan(tm.r2_per_dim(truth, prediction, mean)).any()


def test_profile_and_pattern_correlation_equal_numpy() -> None:
    truth, prediction, mean, sd = _data()
    profile = [np.corrcoef(truth[:, d], prediction[:, d])[0, 1] for d in range(12)]
    assert tm.profile_correlation(truth, prediction) == pytest.approx(profile)
    z = [(x - mean) / sd for x in (truth, prediction)]
    pattern = [np.corrcoef(z[0][i], z[1][i])[0, 1] for i in range(40)]
    assert tm.pattern_correlation(truth, prediction, mean, sd) == pytest.approx(pattern)


def test_dims_without_training_variance_do_not_enter_patterns() -> None:
    truth, prediction, mean, sd = _data()
    sd[5] = 0
    kept = np.arange(12) != 5
    expected = tm.pattern_correlation(truth[:, kept], prediction[:, kept], mean[kept], sd[kept])
    assert tm.pattern_correlation(truth, prediction, mean, sd) == pytest.approx(expected)


def test_clip_order_does_not_matter() -> None:
    truth, prediction, mean, sd = _data()
    order = np.random.default_rng(2).permutation(40)
    assert tm.r2_per_dim(truth[order], prediction[order], mean) == pytest.approx(
        tm.r2_per_dim(truth, prediction, mean), abs=1e-12
    )
    patterns = tm.pattern_correlation(truth, prediction, mean, sd)
    assert tm.pattern_correlation(truth[order], prediction[order], mean, sd) == pytest.approx(patterns[order])


def test_refuses_unequal_shapes() -> None:
    with pytest.raises(DataError, match="n_clips, n_dims"):
        tm.r2_per_dim(np.zeros((3, 4)), np.zeros((3, 5)))
