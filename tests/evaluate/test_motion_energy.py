"""Motion-energy correlation against a loop, its clock, and extraction with pymoten where that is installed."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from metric_clips import smooth_clips

from brainflix.errors import DataError, MissingError, UsageError
from brainflix.evaluate import motion_energy as me


def _features(n_frames: int, seed: int, n_channels: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 1.0, (n_frames, n_channels))


def test_equals_the_loop_over_frames_with_interpolation() -> None:
    truth, prediction = _features(6, 0), _features(15, 1)
    training = _features(200, 2)
    mean, sd = training.mean(axis=0), training.std(axis=0)
    found = me.motion_energy_correlation(truth, prediction, 3.0, 8.0, mean, sd)
    expected = []
    for i in range(6):
        t = i / 3
        if t <= 14 / 8:
            there = [np.interp(t, np.arange(15) / 8, channel) for channel in prediction.T]
            expected.append(np.corrcoef((truth[i] - mean) / sd, (there - mean) / sd)[0, 1])
    assert found == pytest.approx(expected)
    swapped = me.motion_energy_correlation(prediction, truth, 8.0, 3.0, mean, sd)
    assert swapped == pytest.approx(found)


@pytest.mark.parametrize(
    ("n_true", "n_predicted", "true_hz", "predicted_hz", "n"),
    [(6, 6, 3, 3, 6), (6, 14, 3, 7, 6), (6, 16, 3, 8, 6), (6, 12, 3, 8, 5), (60, 15, 30, 7.5, 15), (1, 9, 3, 8, 1)],
)
def test_times_never_run_past_the_end_of_either_video(
    n_true: int, n_predicted: int, true_hz: float, predicted_hz: float, n: int
) -> None:
    times = me.common_times(n_true, n_predicted, true_hz, predicted_hz)
    assert len(times) == n
    assert times[-1] <= min((n_true - 1) / true_hz, (n_predicted - 1) / predicted_hz) + 1e-9
    assert len(me.interpolate(_features(n_true, 0), true_hz, times)) == n
    assert len(me.interpolate(_features(n_predicted, 0), predicted_hz, times)) == n


def test_interpolation_is_exact_on_frames_and_refuses_to_extrapolate() -> None:
    features = _features(7, 0)
    assert np.array_equal(me.interpolate(features, 4.0, np.arange(7) / 4), features)
    for times in ([1.6], [-0.1]):
        with pytest.raises(DataError, match="outside"):
            me.interpolate(features, 4.0, np.array(times))


def test_z_scoring_takes_the_shared_spectrum_out() -> None:
    spectrum = np.linspace(1, 50, 300)
    truth, prediction = _features(8, 0, 300) * spectrum, _features(8, 1, 300) * spectrum
    training = _features(500, 2, 300) * spectrum
    raw = me.motion_energy_correlation(truth, prediction, 4, 4, np.zeros(300), np.ones(300))
    scored = me.motion_energy_correlation(truth, prediction, 4, 4, training.mean(axis=0), training.std(axis=0))
    assert raw.mean() > 0.3
    assert abs(scored.mean()) < 0.1


def test_channels_without_training_variance_are_left_out_and_flat_frames_are_undefined() -> None:
    truth, prediction = _features(5, 0), _features(5, 1)
    mean, sd = np.full(30, 2.0), np.full(30, 1.4)
    sd[[3, 9]] = 0
    kept = np.flatnonzero(sd)
    expected = me.motion_energy_correlation(truth[:, kept], prediction[:, kept], 4, 4, mean[kept], sd[kept])
    assert me.motion_energy_correlation(truth, prediction, 4, 4, mean, sd) == pytest.approx(expected)
    prediction[2] = 1
    assert np.isnan(me.motion_energy_correlation(truth, prediction, 4, 4, mean, sd)).tolist() == [0, 0, 1, 0, 0]


def test_refuses_what_does_not_match() -> None:
    truth, mean, sd = _features(5, 0), np.zeros(30), np.ones(30)
    with pytest.raises(DataError, match="differ"):
        me.motion_energy_correlation(truth, truth[:, :9], 4, 4, mean, sd)
    with pytest.raises(DataError, match="n_frames"):
        me.motion_energy_correlation(truth, truth[:0], 4, 4, mean, sd)
    with pytest.raises(DataError, match="two channels"):
        me.motion_energy_correlation(truth, truth, 4, 4, mean, np.zeros(30))
    with pytest.raises(UsageError, match="positive"):
        me.motion_energy_correlation(truth, truth, 4, 0, mean, sd)
    with pytest.raises(DataError, match="uint8"):
        me.motion_energy(np.zeros((5, 96, 96, 3)), 4)


def test_extraction_without_pymoten_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moten", None)
    with pytest.raises(MissingError, match="pip install pymoten"):
        me.motion_energy(smooth_clips(1, 4, 96, 0)[0], 4)


def test_the_pyramid_gets_a_whole_rate_and_the_right_cycles_per_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """pymoten refuses rates that are not of type int."""
    asked: list[dict[str, Any]] = []

    class Pyramid:
        def project_stimulus(self, luminance: np.ndarray) -> np.ndarray:
            return luminance.reshape(len(luminance), -1)

    def pyramid(**arguments: Any) -> Pyramid:
        asked.append(arguments)
        return Pyramid()

    read = SimpleNamespace(imagearray2luminance=lambda frames: frames.mean(axis=3))
    monkeypatch.setitem(sys.modules, "moten", SimpleNamespace(io=read, get_default_pyramid=pyramid))
    for rate in (8.0, 1 / 0.33, 7.5):
        assert len(me.motion_energy(smooth_clips(1, 4, 96, 0)[0], rate)) == 4
        assert type(asked[-1]["fps"]) is int
        per_frame = np.array(asked[-1]["temporal_frequencies"]) / asked[-1]["fps"]
        assert per_frame == pytest.approx(np.array([0, 2, 4]) / rate)
    with pytest.raises(UsageError, match="frames per second"):
        me.motion_energy(smooth_clips(1, 4, 96, 0)[0], 1.5)


def test_pymoten_finds_energy_where_something_moves() -> None:
    pytest.importorskip("moten", reason="needs pymoten")
    still = np.repeat(smooth_clips(1, 1, 96, 0)[0], 12, axis=0)
    moving = np.stack([np.roll(frame, 3 * i, axis=1) for i, frame in enumerate(still)])
    a, b = me.motion_energy(still, 12), me.motion_energy(moving[:, ::2, ::2], 12)
    assert len(a) == 12
    assert a.shape == b.shape
    assert np.isfinite(a).all()
    # Away from the ends a still clip has the same energy in every frame, a moving one has not.
    assert np.ptp(a[5:7], axis=0).max() < 1e-3
    assert np.ptp(b[5:7], axis=0).max() > 0.1
