"""Temporal consistency against a loop over pairs of frames, its gate, and what stays undefined."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.temporal import Gate, Pairs, temporal_consistency


def _embeddings(n_frames: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((4, n_frames, 12)) + 1


@pytest.mark.parametrize("pairs", ["adjacent", "all"])
def test_equals_the_loop_over_pairs(pairs: Pairs) -> None:
    truth, prediction = _embeddings(6, 0), _embeddings(5, 1)
    found = temporal_consistency(truth, prediction, pairs)
    listed = pairwise if pairs == "adjacent" else lambda frames: combinations(frames, 2)
    for values, clips in [(found.truth, truth), (found.prediction, prediction)]:
        expected = [np.mean([1 - cosine(a, b) for a, b in listed(frames)]) for frames in clips]
        assert values == pytest.approx(expected, abs=1e-12)
    assert found.difference == pytest.approx(np.abs(found.prediction - found.truth))
    assert found.gated is None
    assert found.n_undefined == 0


def test_a_static_prediction_gets_the_best_score_but_not_the_smallest_difference() -> None:
    truth = _embeddings(6, 0)
    found = temporal_consistency(truth, np.repeat(truth[:, :1], 6, axis=1))
    assert found.prediction == pytest.approx(np.ones(4))
    assert (found.difference > 0.2).all()
    assert temporal_consistency(truth, truth).difference == pytest.approx(np.zeros(4))


def test_the_gate_is_explicit_and_closed_at_its_threshold() -> None:
    truth, prediction = _embeddings(3, 0), _embeddings(3, 1)
    found = temporal_consistency(truth, prediction, gate=Gate(np.array([0.59, 0.6, 0.61, np.nan])))
    assert found.gated is not None
    assert found.gated[:3].tolist() == [0.0, 0.0, found.prediction[2]]
    assert np.isnan(found.gated[3])
    assert np.array_equal(found.prediction, temporal_consistency(truth, prediction).prediction)
    opened = temporal_consistency(truth, prediction, gate=Gate(np.full(4, 0.5), threshold=0.4)).gated
    assert np.array_equal(opened, found.prediction)


def test_embeddings_without_direction_are_left_out_and_counted() -> None:
    truth, prediction = _embeddings(4, 0), _embeddings(4, 1)
    prediction[0, 3], prediction[1] = 0, 0
    truth[2, 1, 0] = np.nan
    found = temporal_consistency(truth, prediction)
    assert found.prediction[0] == pytest.approx(temporal_consistency(truth, prediction[:, :3]).prediction[0])
    assert np.isnan(found.prediction[1])
    assert np.isnan(found.difference[1])
    assert found.n_undefined == 1 + 3 + 2
    assert np.isfinite(found.truth).all()


def test_refuses_what_has_no_pairs() -> None:
    truth = _embeddings(3, 0)
    with pytest.raises(DataError, match="two frames"):
        temporal_consistency(truth, truth[:, :1])
    with pytest.raises(DataError, match="n_clips"):
        temporal_consistency(truth, truth[:2])
    with pytest.raises(DataError, match="gate"):
        temporal_consistency(truth, truth, gate=Gate(np.ones(3)))
    with pytest.raises(UsageError, match="adjacent"):
        temporal_consistency(truth, truth, "neighbours")  # type: ignore[arg-type]
