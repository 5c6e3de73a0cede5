"""Pixel metrics against reference values, scikit-image and their definitions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from metric_clips import clip, reference, smooth_clips, ssim_of

from brainflix.errors import DataError
from brainflix.evaluate import pixels, ssim

METRICS = {
    "ssim_rgb_u7": partial(ssim_of, ssim.RGB_U7),
    "ssim_gray_g11": partial(ssim_of, ssim.GRAY_G11),
    "psnr": pixels.psnr,
    "mse01": pixels.mse,
    "pixcorr": pixels.pixcorr,
}


def test_reference_clips_have_their_checksums() -> None:
    checksum = reference()["checksum"]
    truth, prediction = clip(0), clip(1)
    assert truth.sum() == checksum["gt_sum"]
    assert prediction.sum() == checksum["pred_sum"]
    assert truth[0, 10, 20].tolist() == checksum["gt_frame0_pixel_10_20"]
    assert prediction[5, 63, 95].tolist() == checksum["pred_frame5_pixel_63_95"]


@pytest.mark.parametrize("metric", list(METRICS))
def test_reference_values(metric: str) -> None:
    document = reference()
    score = METRICS[metric]
    assert score(clip(0), clip(1)) == pytest.approx(document["pair"]["per_frame"][metric], abs=1e-9)
    assert score(clip(0), clip(0)) == pytest.approx(document["identical"]["per_frame"][metric], abs=1e-9)
    mean = pixels.clip_means(score(clip(0), clip(1))[None])[0]
    assert mean[0] == pytest.approx(document["pair"]["mean"][metric], abs=1e-9)


def test_reference_pooled_psnr() -> None:
    assert pixels.psnr_pooled(clip(0), clip(1)) == pytest.approx(reference()["pair"]["psnr_from_clip_mse"], abs=1e-9)


@pytest.mark.parametrize(("height", "width"), [(11, 11), (32, 47), (65, 64)])
def test_ssim_equals_scikit_image(height: int, width: int) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    color = pytest.importorskip("skimage.color")
    generator = np.random.default_rng(0)
    a = generator.integers(0, 256, (4, height, width, 3), dtype=np.uint8)
    b = np.where(generator.random(a.shape) < 0.5, a, generator.integers(0, 256, a.shape)).astype(np.uint8)
    # One colour everywhere, and one grey value: nothing covaries with either.
    b[2], b[3] = (10, 200, 30), 127
    for frame in range(4):
        rgb = metrics.structural_similarity(a[frame], b[frame], data_range=255, channel_axis=-1)
        assert ssim_of(ssim.RGB_U7, a, b)[frame] == pytest.approx(rgb, abs=1e-8)
        grey = [color.rgb2gray(x[frame]) for x in (a, b)]
        gaussian = metrics.structural_similarity(
            *grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
        )
        assert ssim_of(ssim.GRAY_G11, a, b)[frame] == pytest.approx(gaussian, abs=1e-8)


def test_ssim_of_flat_frames_is_the_luminance_term() -> None:
    a, b = np.full((1, 20, 20, 3), 100, np.uint8), np.full((1, 20, 20, 3), 150, np.uint8)
    c1 = 2.55**2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim_of(ssim.RGB_U7, a, b)[0] == pytest.approx(expected, abs=1e-9)


def test_ssim_refuses_frames_below_its_window() -> None:
    small = np.zeros((1, 10, 30, 3), np.uint8)
    with pytest.raises(DataError, match="window"):
        ssim_of(ssim.GRAY_G11, small, small)


def test_pixcorr_is_nan_for_constant_frames_and_the_count_is_kept() -> None:
    truth = smooth_clips(2, 3, 16, 0)
    prediction = truth.copy()
    prediction[1, 2] = 9
    values = np.stack([pixels.pixcorr(*pair) for pair in zip(truth, prediction, strict=True)])
    assert np.isnan(values[1, 2])
    means, n_nan = pixels.clip_means(values)
    assert n_nan == 1
    assert means == pytest.approx([1.0, 1.0])
    assert np.isnan(pixels.clip_means(np.full((1, 3), np.nan))[0][0])


def test_psnr_and_mse_do_not_wrap_around() -> None:
    black, white = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)
    for a, b in [(black, white), (white, black)]:
        assert pixels.mse(a, b)[0] == 1.0
        assert pixels.psnr(a, b)[0] == 0.0
    assert pixels.psnr(white, white)[0] == pixels.PSNR_CAP_DB


def test_clips_of_another_shape_or_type_are_refused() -> None:
    [truth] = smooth_clips(1, 2, 16, 0)
    with pytest.raises(DataError, match="differ in shape"):
        pixels.checked(truth, truth[:1])
    with pytest.raises(DataError, match="uint8"):
        pixels.checked(truth / 255.0, truth)
    with pytest.raises(DataError, match="uint8"):
        pixels.checked(truth, truth[..., :1])


def test_prepared_clips_of_different_shape_are_refused() -> None:
    a, b = (ssim.prepare(smooth_clips(1, 2, size, 0)[0], ssim.RGB_U7) for size in (16, 20))
    with pytest.raises(DataError, match="compared"):
        ssim.compare(a, b)
