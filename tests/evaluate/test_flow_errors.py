"""Angular error and normalised end-point error against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import flow
from brainflix.evaluate.flow_errors import angular_error, epe_diagonals_per_second


def _flows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.random.default_rng(seed).standard_normal((2, 3, 2, 6, 8, 2)).astype(np.float32)
    return truth, prediction


def test_angle_equals_the_loop_over_pixels() -> None:
    truth, prediction = _flows()
    for i, value in enumerate(angular_error(truth, prediction)):
        angles = []
        for (fx, fy), (gx, gy) in zip(truth[i].reshape(-1, 2), prediction[i].reshape(-1, 2), strict=True):
            turn = abs(math.atan2(fy, fx) - math.atan2(gy, gx))
            angles.append(math.degrees(min(turn, 2 * math.pi - turn)))
        assert value == pytest.approx(np.mean(angles), abs=1e-4)


def test_static_predictions_stand_at_a_right_angle() -> None:
    truth, _ = _flows()
    assert angular_error(truth, np.zeros_like(truth)) == pytest.approx(np.full(3, 90.0), abs=1e-12)
    assert angular_error(truth, truth) == pytest.approx(np.zeros(3), abs=0.05)
    assert angular_error(truth, -truth) == pytest.approx(np.full(3, 180.0), abs=0.05)


def test_normalised_error_depends_neither_on_resolution_nor_on_frame_rate() -> None:
    truth, prediction = _flows(1)
    value = epe_diagonals_per_second(truth, prediction, 4.0)
    assert value == pytest.approx(flow.epe(truth, prediction) * 4 / 10)  # 6 x 8 pixels have a diagonal of 10
    large = [2 * np.repeat(np.repeat(x, 2, axis=2), 2, axis=3) for x in (truth, prediction)]
    assert epe_diagonals_per_second(large[0], large[1], 4.0) == pytest.approx(value)
    half_steps = [np.repeat(x / 2, 2, axis=1) for x in (truth, prediction)]
    assert epe_diagonals_per_second(half_steps[0], half_steps[1], 8.0) == pytest.approx(value)


def test_refuses_unequal_flows_and_no_frame_rate() -> None:
    truth, prediction = _flows()
    with pytest.raises(DataError, match="do not match"):
        angular_error(truth, prediction[:, :1])
    with pytest.raises(UsageError, match="frame rate"):
        epe_diagonals_per_second(truth, prediction, 0.0)
