"""The column-wise SSIM bug: reproduced on request, refused otherwise, unlike the default."""

from __future__ import annotations

import numpy as np
import pytest
from metric_clips import clip, reference, smooth_clips, ssim_of

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import ssim
from brainflix.evaluate.ssim_columns import ssim_gray_g11_columns


@pytest.mark.parametrize("case", ["pair", "identical"])
def test_reference_values(case: str) -> None:
    expected = reference()[case]["per_frame"]["ssim_gray_g11_columns"]
    values = ssim_gray_g11_columns(clip(0), clip(1 if case == "pair" else 0), bug_compat=True)
    assert values == pytest.approx(expected, abs=1e-9)


def test_equals_scikit_image_with_columns_as_channels() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    color = pytest.importorskip("skimage.color")
    a, b = smooth_clips(2, 3, 24, 0)
    for frame, value in enumerate(ssim_gray_g11_columns(a, b, bug_compat=True)):
        grey = [color.rgb2gray(x[frame]) for x in (a, b)]
        expected = metrics.structural_similarity(
            *grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=-1
        )
        assert value == pytest.approx(expected, abs=1e-9)


def test_is_refused_without_the_explicit_argument() -> None:
    with pytest.raises(UsageError, match="bug_compat=True"):
        ssim_gray_g11_columns(clip(0), clip(1))


def test_the_default_flavour_differs() -> None:
    columns = ssim_gray_g11_columns(clip(0), clip(1), bug_compat=True)
    assert (columns - ssim_of(ssim.GRAY_G11, clip(0), clip(1)) > 0.01).all()


def test_refuses_frames_below_its_window() -> None:
    low = np.zeros((1, 10, 30, 3), np.uint8)
    with pytest.raises(DataError, match="window"):
        ssim_gray_g11_columns(low, low, bug_compat=True)
