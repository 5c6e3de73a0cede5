"""Baselines show what they claim to and nothing of what they must not see."""

from __future__ import annotations

import numpy as np
import pytest
from metric_clips import smooth_clips
from scipy.ndimage import gaussian_filter

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import baselines
from brainflix.report.scores import uses_truth
from tests.bench.results import SEE_TRUTH

TRUTH, PREDICTION = smooth_clips(4, 3, 32, 0), smooth_clips(4, 3, 32, 1)
ORDER = np.array([1, 2, 3, 0])
FRAME = baselines.mean_frame(smooth_clips(5, 2, 32, 2))


def _build(name: str, truth: np.ndarray = TRUTH, prediction: np.ndarray = PREDICTION) -> np.ndarray:
    return baselines.build(name, prediction=prediction, truth=truth, training_mean=FRAME, order=ORDER)


@pytest.mark.parametrize("entry", baselines.BASELINES, ids=lambda entry: entry.name)
def test_flags_say_what_the_videos_depend_on(entry: baselines.Baseline) -> None:
    videos = _build(entry.name)
    assert videos.shape == PREDICTION.shape
    assert videos.dtype == np.uint8
    assert (not np.array_equal(videos, _build(entry.name, truth=255 - TRUTH))) == entry.sees_truth
    assert (not np.array_equal(videos, _build(entry.name, prediction=255 - PREDICTION))) == entry.sees_brain


def test_report_and_table_hold_no_decoder_against_a_baseline_that_sees_the_truth() -> None:
    for entry in baselines.BASELINES:
        assert uses_truth(entry.name) == entry.sees_truth, "the report knows oracles by their name"
        assert (entry.name in SEE_TRUTH) == entry.sees_truth


def test_contents() -> None:
    assert (_build("grey") == 127).all()
    assert (_build("train_mean") == FRAME).all()
    assert (_build("static_first") == PREDICTION[:, :1]).all()
    assert (_build("truth_first") == TRUTH[:, :1]).all()
    assert np.array_equal(_build("mismatched")[3], PREDICTION[0])


def test_blur_is_a_gaussian_of_a_fraction_of_the_width() -> None:
    expected = gaussian_filter(PREDICTION[1, 2].astype(float), (1.0, 1.0, 0))
    assert np.abs(_build("blurred")[1, 2] - expected).max() <= 0.51


def test_mean_frame_weighs_frames_equally_and_rounds() -> None:
    short, long = np.zeros((1, 4, 4, 3), np.uint8), np.full((3, 4, 4, 3), 9, np.uint8)
    assert (baselines.mean_frame([short, long]) == 7).all()
    with pytest.raises(DataError, match="no training clip"):
        baselines.mean_frame([])


def test_refuses_bad_orders_frames_and_names() -> None:
    for order in ([0, 2, 3, 1], [1, 1, 3, 0], [1, 0]):
        with pytest.raises(DataError, match="stranger"):
            baselines.mismatched(PREDICTION, np.array(order))
    with pytest.raises(DataError, match="fit"):
        baselines.still(FRAME[:5], PREDICTION.shape)
    with pytest.raises(UsageError, match="unknown"):
        _build("black")
    with pytest.raises(UsageError, match="lacks"):
        baselines.build("mismatched", prediction=PREDICTION, truth=TRUTH)
