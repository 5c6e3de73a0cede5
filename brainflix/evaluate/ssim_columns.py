"""SSIM as one release computes it by accident: every column of the grey frame is taken for a channel.

`channel_axis=-1` on a two-dimensional image makes the columns channels, so the window is 11 pixels of one column. On
published samples that lifts SSIM from 0.190 to 0.313 (docs/scoring.md, Known errors, no. 3). It is here to reproduce
that release's numbers and for nothing else.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.pixels import Floats, Frames, checked
from brainflix.evaluate.ssim import GRAY_G11, GREY_WEIGHTS


def ssim_gray_g11_columns(truth: Frames, prediction: Frames, *, bug_compat: bool = False) -> Floats:
    """Return the column-wise SSIM of the luminance per frame, 11 gaussian taps down each column, sigma 1.5.

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.
        bug_compat: must be True; there is no other reason to compute this number.

    Returns:
        Array of shape (n_frames,), mean over all columns and all rows but the 5 uppermost and lowermost.

    Raises:
        DataError: the frames do not match, or are lower than the window.
        UsageError: `bug_compat` is not set.
    """
    if bug_compat is not True:
        raise UsageError(
            "SSIM gray_g11_columns is refused",
            why="it compares columns of pixels instead of windows, which lifts the score by half",
            next="use gray_g11, or pass bug_compat=True to reproduce the release that has it",
        )
    a, b = (frames / 255.0 @ np.array(GREY_WEIGHTS) for frames in checked(truth, prediction))
    taps = np.array(GRAY_G11.taps)
    if a.shape[1] < len(taps):
        raise DataError(f"frames of {a.shape[1]} rows are lower than the column window of {len(taps)}")
    border = len(taps) // 2

    def smooth(planes: Floats) -> Floats:
        filtered: Floats = correlate1d(planes, taps, axis=1)[:, border:-border]
        return filtered

    mean_a, mean_b = smooth(a), smooth(b)
    spread = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    c1, c2 = GRAY_G11.constants()
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    result: Floats = (numerator / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))).mean(axis=(1, 2))
    return result
