"""Motion tests on clips whose motion is known, and what the smoothness test does not show."""

from __future__ import annotations

import numpy as np
import pytest
from metric_clips import smooth_clips
from rankings import by_orders, random_orders
from scipy import stats

from brainflix.errors import DataError
from brainflix.evaluate import flow, motion

pytest.importorskip("cv2", reason="optical flow needs opencv-python-headless")


def _moving(shifts: np.ndarray, seed: int, n_frames: int = 5) -> np.ndarray:
    """Return clips of one random texture each that drifts by (dx, dy) pixels per step."""
    stills = smooth_clips(len(shifts), 1, 32, seed)[:, 0]
    return np.array(
        [
            [np.roll(still, (dy * t, dx * t), axis=(0, 1)) for t in range(n_frames)]
            for still, (dx, dy) in zip(stills, shifts, strict=True)
        ]
    )


def _drifting(n_clips: int, n_frames: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return drifting clips and their shifts, 1 or 2 pixels per step either way."""
    shifts = np.random.default_rng(0).choice([-2, -1, 1, 2], (n_clips, 2))
    return _moving(shifts, 0, n_frames), shifts


def _flows(clips: np.ndarray) -> np.ndarray:
    return np.stack([flow.farneback(np.ascontiguousarray(one)) for one in clips])


def _cosines(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.array([flow.flow_cosine(f, g) for f, g in zip(_flows(truth), _flows(prediction), strict=True)])


def test_reversal_is_noticed_where_the_motion_is_right_and_only_there() -> None:
    truth, shifts = _drifting(10)
    right = _moving(shifts, 1)
    forward, backward = (_cosines(truth, clips) for clips in (right, right[:, ::-1]))
    found = motion.time_reversal_test(forward, backward)
    assert (found.n_higher, found.n_lower, found.p) == (10, 0, pytest.approx(2.0**-10))
    assert motion.time_reversal_test(backward, forward).p == 1.0
    still = np.repeat(right[:1, :1], 5, axis=1)
    assert _cosines(truth[:1], still) == _cosines(truth[:1], still[:, ::-1]) == 0.0


def test_sign_test_counts_and_its_p_is_the_binomial_tail() -> None:
    forward = np.array([1.0, 2.0, 3.0, 0.0, 5.0, np.nan, 1.0])
    backward = np.array([0.0, 1.0, 4.0, 0.0, 1.0, 0.0, 0.5])
    found = motion.time_reversal_test(forward, backward)
    assert (found.n_higher, found.n_lower, found.n_equal, found.n_nan) == (4, 1, 1, 1)
    assert found.p == pytest.approx(stats.binom.sf(3, 5, 0.5))
    assert np.isnan(motion.time_reversal_test(forward, forward).p)


def test_blocks_are_the_units_of_the_sign_test() -> None:
    forward, block = np.array([3.0, -1.0, -1.0, -1.0, 1.0]), np.array([0, 0, 1, 1, 2])
    found = motion.time_reversal_test(forward, np.zeros(5), block)
    assert (found.n_higher, found.n_lower) == (2, 1)
    with pytest.raises(DataError, match="n_clips"):
        motion.time_reversal_test(forward, np.zeros(4))


def test_matched_orders_are_permutations_within_bins_of_speed() -> None:
    speed = np.random.default_rng(0).permutation(23).astype(float)
    orders = motion.magnitude_matched_orders(speed, n_bins=4, n_draws=200, seed=1)
    assert (np.sort(orders, axis=1) == np.arange(23)).all()
    edges = [6, 12, 18]
    assert (np.digitize(speed[orders], edges) == np.digitize(speed, edges)).all()
    assert all(len(np.unique(orders[:, i])) >= 5 for i in range(23))
    assert np.array_equal(orders, motion.magnitude_matched_orders(speed, n_bins=4, n_draws=200, seed=1))


def test_knowing_only_the_speed_wins_plain_re_pairing_but_not_the_matched_one() -> None:
    generator = np.random.default_rng(2)
    speed = np.repeat(np.arange(10.0), 8)
    guess = speed + generator.normal(0, 0.1, 80)
    matrix = -np.abs(guess[:, None] - speed)
    plain = by_orders(matrix, random_orders(80, n_draws=500))
    matched = by_orders(matrix, motion.magnitude_matched_orders(speed, n_draws=500))
    assert plain.p < 0.01
    assert matched.p > 0.9


def test_matched_orders_refuse_lonely_and_undefined_clips() -> None:
    with pytest.raises(DataError, match="bins of speed"):
        motion.magnitude_matched_orders(np.arange(19.0))
    with pytest.raises(DataError, match="finite"):
        motion.magnitude_matched_orders(np.append(np.arange(30.0), np.nan))


def _errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.stack([motion.jump_errors(f, x) for f, x in zip(truth, prediction, strict=True)])


def test_smoothness_test_is_significant_for_motion_at_right_angles_to_the_true_one() -> None:
    clips, shifts = _drifting(8)
    truth, turned = _flows(clips), np.sign(shifts[:, ::-1]) * [-1, 1]
    prediction = _moving(turned, 3)
    assert abs(np.mean([flow.flow_cosine(f, g) for f, g in zip(truth, _flows(prediction), strict=True)])) < 0.1
    assert motion.smoothness_test(_errors(truth, prediction), n_draws=200).p < 0.05


def test_smoothness_test_equals_shuffling_the_frames() -> None:
    clips, _ = _drifting(3, n_frames=3)
    truth, other = _flows(clips), np.roll(clips, 1, axis=0)
    found = motion.smoothness_test(_errors(truth, other))
    orders = [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    null = [flow.epe(truth, _flows(other[:, order])).mean() for order in orders]
    observed = flow.epe(truth, _flows(other)).mean()
    assert (found.observed, found.chance) == (pytest.approx(observed, rel=1e-6), pytest.approx(np.mean(null), rel=1e-6))
    assert (found.p_min, found.n_group) == (1 / 6, 6)
    assert found.p == pytest.approx((1 + sum(value <= observed for value in null)) / 6)


def test_shuffles_are_permutations_but_never_the_identity() -> None:
    orders = motion._shuffles(4, 15, 0)
    assert orders.shape == (15, 4)
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    assert not (orders == np.arange(4)).all(axis=1).any()


def test_smoothness_test_refuses_two_frames() -> None:
    clips, _ = _drifting(2, n_frames=2)
    with pytest.raises(DataError, match="cannot be shuffled"):
        motion.smoothness_test(_errors(_flows(clips), clips))
    with pytest.raises(DataError, match="do not go with"):
        motion.jump_errors(_flows(clips)[0], clips[0][:1])
