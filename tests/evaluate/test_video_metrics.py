"""Pairings of videos: every matrix against clips scored one by one, and what its sample of places may differ by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from metric_clips import smooth_clips
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate import flow, flow_errors, places, ssim
from brainflix.evaluate.flow_pairs import angle_matrix, epe_matrix
from brainflix.evaluate.metric import ClipMetric
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics import flow as flow_metrics
from brainflix.evaluate.metrics import hue, pixels
from brainflix.evaluate.metrics import ssim as ssim_metrics
from brainflix.evaluate.parts import SsimParams
from brainflix.evaluate.pixels import clip_means
from brainflix.evaluate.ssim_pairs import ssim_matrix
from brainflix.evaluate.views import ClipSet, View, sample_flow

# What these metrics return depends on neither clips nor design.
NOTHING: Any = None
METRICS = {
    name: each
    for part in (pixels.pixcorr, pixels.psnr, pixels.mse, hue.score, flow_metrics.score)
    for name, each in part(MetricParams(), NOTHING, NOTHING).items()
} | dict(ssim_metrics.score(SsimParams(), NOTHING, NOTHING))
PAIRED = [name for name, each in METRICS.items() if isinstance(each, ClipMetric) and each.pairs is not None]
FPS_HZ = 3.0


def clip_set(clips: NDArray[np.uint8], workers: int = 1) -> ClipSet:
    flows = np.stack([sample_flow(View(clip), 0) for clip in clips])
    per_second = float(FPS_HZ / np.hypot(*clips.shape[2:4]))
    return ClipSet(clips, flows, per_second, workers=workers)


def alone(name: str, truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.float64]:
    views = [[View(clip, fps_hz=FPS_HZ) for clip in clips] for clips in (truth, prediction)]
    own = METRICS[name].own
    return np.array([[clip_means(own(t, p)[None])[0][0] for t in views[0]] for p in views[1]])


@pytest.mark.parametrize("name", PAIRED)
def test_small_frames_are_compared_whole_so_a_matrix_is_clips_scored_one_by_one(name: str) -> None:
    pytest.importorskip("cv2")
    truth, prediction = smooth_clips(4, 3, 26, 0), smooth_clips(4, 3, 26, 1)
    prediction[2, 0] = 50
    if name.startswith("ssim"):
        # 400 windows are sampled 256 at a time.
        truth, prediction = truth[:, :, :22, :22], prediction[:, :, :22, :22]
    matrix = METRICS[name].pairs
    assert matrix is not None
    found = matrix(clip_set(truth), clip_set(prediction))
    tolerance = 2e-6 if name.startswith("ssim") else 1e-5 if METRICS[name].motion else 1e-9
    assert found == pytest.approx(alone(name, truth, prediction), abs=tolerance, rel=1e-5, nan_ok=True)
    order = np.array([2, 0, 3, 1])
    again = matrix(clip_set(truth[order], workers=2), clip_set(prediction[order], workers=2))
    assert again == pytest.approx(found[np.ix_(order, order)], abs=1e-6, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("flavour", [ssim.RGB_U7, ssim.GRAY_G11])
def test_sampled_windows_stand_for_all_of_them(flavour: ssim.Flavour) -> None:
    truth, prediction = smooth_clips(12, 2, 96, 0), smooth_clips(12, 2, 96, 1)
    prediction = (prediction // 2 + truth // 2).astype(np.uint8)
    sampled = ssim_matrix(truth, prediction, flavour)
    whole = np.array(
        [[ssim.compare(ssim.prepare(t, flavour), ssim.prepare(p, flavour)).mean() for t in truth] for p in prediction]
    )
    assert np.abs(sampled - whole).max() < 0.05
    assert abs(sampled.mean() - whole.mean()) < 0.01
    assert np.corrcoef(sampled.ravel(), whole.ravel())[0, 1] > 0.98
    assert not np.array_equal(sampled, ssim_matrix(truth, prediction, flavour, seed=1)), "the seed chooses the windows"


def test_places_fill_the_frame_and_are_all_of_a_small_one() -> None:
    generator = np.random.default_rng(0)
    rows, columns = places.spread(5, 7, 35, generator)
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(i, j) for i in range(5) for j in range(7)]
    for height, width in ((64, 64), (20, 333), (1000, 3)):
        rows, columns = places.spread(height, width, 60, generator)
        assert 30 <= len(rows) <= 60 and len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == len(rows)
        assert rows.max() < height and columns.max() < width
        assert np.ptp(rows) > 0.7 * height or height < 4
        assert np.ptp(columns) > 0.7 * width or width < 4


def test_every_pixel_is_as_likely_as_its_neighbours() -> None:
    generator = np.random.default_rng(1)
    count = np.zeros((9, 10))
    for _ in range(3000):
        count[places.spread(9, 10, 9, generator)] += 1
    # Two by four cells of 8 to 15 pixels, one of which is drawn each time.
    assert count.min() > 0.8 * 3000 / 15 and count.max() < 1.2 * 3000 / 8


def test_flow_errors_of_pairs_are_those_of_clips_whatever_the_block() -> None:
    generator = np.random.default_rng(2)
    truth, prediction = generator.standard_normal((2, 5, 3, 6, 40, 2)).astype(np.float32)
    prediction[1, 0] = 0.0
    flat = [flows.reshape(5, 3, -1, 2) for flows in (truth, prediction)]
    expected = np.array([[flow.epe(t[None], p[None])[0] for t in truth] for p in prediction])
    assert epe_matrix(*flat) == pytest.approx(expected, rel=1e-5)
    angles = np.array([[flow_errors.angular_error(t[None], p[None])[0] for t in truth] for p in prediction])
    assert angle_matrix(*flat, workers=2) == pytest.approx(angles, abs=1e-3)


def test_clips_of_other_shapes_are_refused() -> None:
    small, large = smooth_clips(2, 2, 20, 0), smooth_clips(2, 2, 24, 0)
    with pytest.raises(DataError, match="differ in shape"):
        ssim_matrix(small, large, ssim.RGB_U7)
    with pytest.raises(DataError, match="window"):
        ssim_matrix(small[:, :, :8], small[:, :, :8], ssim.GRAY_G11)
