"""Motion-energy correlation: do prediction and truth move alike in the channels of a spatio-temporal filter bank?

Motion energies of natural video share one average spectrum over channels, which correlates any two clips; so each
channel is z-scored with training statistics before channels are correlated (docs/scoring.md, Motion energy).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, MissingError, UsageError
from brainflix.evaluate.pixels import Frames
from brainflix.evaluate.targets_metrics import pattern_correlation
from brainflix.io.frames import resize

Floats = NDArray[np.float64]
# Height and width that the published script brings frames to.
SIZE_PX = 96
# Hz; pymoten's defaults, said here because they are scaled below.
TEMPORAL_FREQUENCIES = (0.0, 2.0, 4.0)
# Frames of two rates meet where their times differ by rounding alone.
SLACK = 1e-9


def motion_energy(frames: Frames, fps_hz: float) -> Floats:
    """Return the responses of pymoten's default pyramid to the luminance of a clip, 96 by 96 pixels.

    Below 8 frames per second the filters of 4 Hz see slower motion as well, since it cannot be told from theirs.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8 RGB.
        fps_hz: frame rate, which sets the filters' temporal frequencies; features of different rates have the same
            channels.

    Returns:
        Array of shape (n_frames, n_channels), pymoten's log-compressed energies.

    Raises:
        DataError: not uint8 RGB.
        UsageError: fewer than three frames per second, for which the filters would have no length.
        MissingError: pymoten is not installed.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not len(frames):
        what = f"no motion energy from {frames.dtype} of shape {frames.shape}"
        raise DataError(what, why="need uint8 (n_frames, height, width, 3)")
    # pymoten takes whole rates alone, and GIFs have others; cycles per frame are what counts, so those are kept.
    whole_fps = round(fps_hz)
    if whole_fps < 3:
        raise UsageError(f"no motion energy at {fps_hz:g} frames per second", why="filters are two thirds of a second")
    moten = _pymoten()
    luminance = moten.io.imagearray2luminance(resize(frames, SIZE_PX, SIZE_PX))
    pyramid = moten.get_default_pyramid(
        vhsize=(SIZE_PX, SIZE_PX),
        fps=whole_fps,
        temporal_frequencies=[hz * whole_fps / fps_hz for hz in TEMPORAL_FREQUENCIES],
    )
    return np.asarray(pyramid.project_stimulus(luminance), np.float64)


def motion_energy_correlation(
    truth: NDArray[Any],
    prediction: NDArray[Any],
    truth_fps_hz: float,
    prediction_fps_hz: float,
    mean: NDArray[Any],
    sd: NDArray[Any],
) -> Floats:
    """Return Pearson's r over channels at each frame time of the slower video that both videos cover.

    The faster video is interpolated to the slower one's times, never beyond its last frame: the published script runs
    one frame past the end and repeats the last one there. Both videos start at the same time.

    Args:
        truth: array of shape (n_true_frames, n_channels), motion energy of the true clip.
        prediction: array of shape (n_predicted_frames, n_channels), motion energy of the prediction.
        truth_fps_hz: frame rate of the true clip.
        prediction_fps_hz: frame rate of the prediction.
        mean: array of shape (n_channels,), over the frames of the true training clips.
        sd: array of shape (n_channels,), over the same frames; channels with sd 0 carry nothing and are left out.

    Returns:
        Array of shape (n_times,), NaN where either frame is the same in all channels.

    Raises:
        DataError: shapes disagree, a video is empty, or fewer than two channels vary in training.
        UsageError: a frame rate is not positive.
    """
    if truth.ndim != 2 or prediction.ndim != 2 or not len(truth) or not len(prediction):
        raise DataError(f"features of shape {truth.shape} and {prediction.shape} are not both (n_frames, n_channels)")
    if not truth.shape[1:] == prediction.shape[1:] == mean.shape == sd.shape:
        raise DataError(
            f"{truth.shape[1]} and {prediction.shape[1]} channels, mean {mean.shape} and sd {sd.shape} differ"
        )
    varies = sd > 0
    if np.count_nonzero(varies) < 2:
        raise DataError("fewer than two channels vary in the training clips", why="r over channels needs two")
    times_s = common_times(len(truth), len(prediction), truth_fps_hz, prediction_fps_hz)
    own, predicted = (
        interpolate(features[:, varies], fps_hz, times_s)
        for features, fps_hz in ((truth, truth_fps_hz), (prediction, prediction_fps_hz))
    )
    return pattern_correlation(own, predicted, mean[varies], sd[varies])


def common_times(n_true: int, n_predicted: int, truth_fps_hz: float, prediction_fps_hz: float) -> Floats:
    """Return the frame times of the slower video, in seconds from the start, that do not lie past either's last frame.

    Args:
        n_true: frames of the true clip.
        n_predicted: frames of the prediction.
        truth_fps_hz: frame rate of the true clip.
        prediction_fps_hz: frame rate of the prediction.
    """
    slower = min(truth_fps_hz, prediction_fps_hz)
    if not slower > 0:
        raise UsageError(f"frame rates of {truth_fps_hz} and {prediction_fps_hz} Hz are not both positive")
    last_s = min((n_true - 1) / truth_fps_hz, (n_predicted - 1) / prediction_fps_hz)
    return np.arange(int(np.floor(last_s * slower + SLACK)) + 1) / slower


def interpolate(features: NDArray[Any], fps_hz: float, times_s: Floats) -> Floats:
    """Return features at given times by linear interpolation between frames.

    Args:
        features: array of shape (n_frames, n_channels); frame i is at i / fps_hz.
        fps_hz: frame rate.
        times_s: array of shape (n_times,), seconds from the start.

    Returns:
        Array of shape (n_times, n_channels).

    Raises:
        DataError: a time lies before the first or after the last frame.
    """
    position = np.asarray(times_s, np.float64) * fps_hz
    last = len(features) - 1
    if position.size and (position.min() < 0 or position.max() > last + SLACK):
        raise DataError(f"a time lies outside the {len(features)} frames", why="features are not extrapolated")
    before = np.minimum(position.astype(np.int64), last)
    after = np.minimum(before + 1, last)
    share = (position - before)[:, None]
    wide = np.asarray(features, np.float64)
    between: Floats = wide[before] * (1 - share) + wide[after] * share
    return between


def _pymoten() -> Any:
    try:
        import moten
    except ImportError as error:
        raise MissingError("motion energy needs pymoten", why=str(error), next="pip install pymoten") from error
    return moten
