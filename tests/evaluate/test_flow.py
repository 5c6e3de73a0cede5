"""Motion scores: Farneback reference values, known displacements, static clips, the matrix against pairs."""

from __future__ import annotations

import numpy as np
import pytest
from metric_clips import clip, reference, smooth_clips

from brainflix.errors import DataError
from brainflix.evaluate import flow

cv2 = pytest.importorskip("cv2", reason="optical flow needs opencv-python-headless")


def _rolling(steps: int, dx: int, dy: int, seed: int = 0) -> np.ndarray:
    still = smooth_clips(1, 1, 48, seed)[0, 0]
    return np.stack([np.roll(still, (dy * t, dx * t), axis=(0, 1)) for t in range(steps)])


@pytest.mark.parametrize("case", ["pair", "identical"])
def test_reference_end_point_errors(case: str) -> None:
    expected = reference()[case]["farneback_native"]
    truth = flow.farneback(clip(0), "bgr")[None]
    prediction = flow.farneback(clip(1 if case == "pair" else 0), "bgr")[None]
    assert flow.epe(truth, prediction)[0] == pytest.approx(expected["epe"], abs=1e-3)
    assert flow.epe_static(truth)[0] == pytest.approx(expected["epe_of_static_prediction"], abs=1e-3)
    assert flow.epe_static(prediction)[0] == pytest.approx(expected["mean_speed_pred"], abs=1e-3)


def test_reference_end_point_errors_at_512_pixels() -> None:
    expected = reference()["pair"]["farneback_512"]
    # The reference enlarged its frames with OpenCV's bilinear filter, which rounds unlike Pillow's (EPE 6.07 vs 6.08).
    truth, prediction = (
        flow.farneback(np.stack([cv2.resize(frame, (512, 512)) for frame in clip(seed)]), "bgr")[None]
        for seed in (0, 1)
    )
    assert flow.epe(truth, prediction)[0] == pytest.approx(expected["epe"], abs=1e-3)
    assert flow.epe_static(truth)[0] == pytest.approx(expected["epe_of_static_prediction"], abs=1e-3)
    assert flow.epe_static(prediction)[0] == pytest.approx(expected["mean_speed_pred"], abs=1e-3)


def test_flow_finds_a_known_displacement() -> None:
    found = flow.farneback(_rolling(4, 2, -1))[:, 12:-12, 12:-12]
    assert np.median(found[..., 0]) == pytest.approx(2, abs=0.2)
    assert np.median(found[..., 1]) == pytest.approx(-1, abs=0.2)


def test_a_static_clip_has_exactly_no_flow() -> None:
    assert not flow.farneback(np.repeat(clip(0)[:1], 4, axis=0)).any()


def test_cosine_of_same_opposite_and_unrelated_motion() -> None:
    right, left, down = (flow.farneback(_rolling(4, dx, dy)) for dx, dy in [(2, 0), (-2, 0), (0, 2)])
    assert flow.flow_cosine(right, right) == pytest.approx(1, abs=1e-6)
    assert flow.flow_cosine(right, left) < -0.8
    assert abs(flow.flow_cosine(right, down)) < 0.4


def test_static_prediction_scores_zero_and_static_truth_is_undefined() -> None:
    moving, still = flow.farneback(_rolling(4, 2, 0)), np.zeros((3, 48, 48, 2), np.float32)
    assert flow.flow_cosine(moving, still) == 0.0
    assert np.isnan(flow.flow_cosine(still, moving))
    assert np.isnan(flow.skill(still[None], moving[None])[0])
    assert flow.skill(moving[None], still[None])[0] == pytest.approx(0, abs=1e-6)
    assert flow.skill(moving[None], moving[None])[0] == 1.0
    assert flow.speed_ratio(moving[None], still[None])[0] == 0.0


def test_matrix_and_pairs_equal_the_definitions() -> None:
    generator = np.random.default_rng(0)
    truth, prediction = generator.standard_normal((2, 5, 3, 8, 9, 2)).astype(np.float32)
    prediction[1], truth[3] = 0, 0
    matrix = flow.flow_cosine_matrix(truth, prediction)
    for i in range(5):
        for j in range(5):
            f, g = truth[j].astype(float), prediction[i].astype(float)
            if j == 3:
                assert np.isnan(matrix[i, j])
            else:
                size = np.linalg.norm(f) * np.linalg.norm(g)
                assert matrix[i, j] == pytest.approx((f * g).sum() / size if size else 0.0, abs=1e-6)
    error = [np.linalg.norm(f - g, axis=-1).mean() for f, g in zip(truth, prediction, strict=True)]
    assert flow.epe(truth, prediction) == pytest.approx(error, abs=1e-6)


def test_refuses_single_frames_and_unequal_flows() -> None:
    with pytest.raises(DataError, match="no flow"):
        flow.farneback(clip(0)[:1])
    with pytest.raises(DataError, match="do not match"):
        flow.epe(np.zeros((2, 3, 4, 4, 2), np.float32), np.zeros((2, 2, 4, 4, 2), np.float32))
