"""Motion scores from Farneback optical flow: flow cosine, end-point error, and the skill over a static clip.

End-point error rewards not moving (a static clip beats published systems on it), so it never stands without
`epe_static` and `skill`. Flow cosine is what can show decoded motion, with permutations
(docs/scoring.md, Optical flow).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, MissingError, UsageError

Floats = NDArray[np.float64]
Flow = NDArray[np.float32]
Frames = NDArray[np.uint8]
Grey = Literal["rgb", "bgr"]
PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, NEIGHBOURS, SIGMA = 0.5, 3, 15, 3, 5, 1.2
# A root-mean-square speed below this many pixels per step is no motion.
STATIC_PX = 1e-6


def farneback(frames: Frames, grey: Grey = "rgb") -> Flow:
    """Return the optical flow between neighbouring frames of a clip.

    Two equal grey frames have zero flow by definition: Farneback itself returns up to 0.4 px between a textured frame
    and its copy.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8 RGB.
        grey: "rgb" for luminance; "bgr" swaps the weights of red and blue, as the published script does.

    Returns:
        Array of shape (n_frames - 1, height, width, 2), rightward and downward displacement in pixels per step.

    Raises:
        DataError: not uint8 RGB, or fewer than two frames.
        MissingError: OpenCV is not installed.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or len(frames) < 2:
        what = f"no flow from {frames.dtype} of shape {frames.shape}"
        raise DataError(what, why="need uint8 (n_frames >= 2, height, width, 3)")
    if grey not in ("rgb", "bgr"):
        raise UsageError(f"unknown grey conversion {grey!r}", next="use rgb or bgr")
    cv2 = _opencv()
    code = cv2.COLOR_RGB2GRAY if grey == "rgb" else cv2.COLOR_BGR2GRAY
    planes = [cv2.cvtColor(np.ascontiguousarray(frame), code) for frame in frames]
    flow = np.zeros((len(frames) - 1, *frames.shape[1:3], 2), np.float32)
    for step, (a, b) in enumerate(pairwise(planes)):
        if not np.array_equal(a, b):
            flow[step] = cv2.calcOpticalFlowFarneback(
                a, b, None, PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, NEIGHBOURS, SIGMA, 0
            )
    return flow


def flow_cosine(truth: Flow, prediction: Flow) -> float:
    """Return sum(F . G) / (|F| |G|) over all pixels and steps of a clip.

    Args:
        truth: array of shape (n_steps, height, width, 2), pixels per step.
        prediction: array of the same shape.

    Returns:
        Value in [-1, 1]; 0 where the prediction is static (no motion carries no evidence), NaN where the truth is.
    """
    return float(flow_cosine_matrix(truth[None], prediction[None])[0, 0])


def flow_cosine_matrix(truth: Flow, prediction: Flow) -> Floats:
    """Return the flow cosine of every prediction with every truth.

    Args:
        truth: array of shape (n_clips, n_steps, height, width, 2), pixels per step.
        prediction: array of shape (n_clips, n_steps, height, width, 2).

    Returns:
        Array of shape (n_predictions, n_truths): rows of 0 for static predictions, columns of NaN for static truths.
    """
    if truth.shape[1:] != prediction.shape[1:]:
        raise DataError(f"flows of shape {truth.shape} and {prediction.shape} do not match")
    matrix = (_directions(prediction) @ _directions(truth).T).astype(np.float64)
    matrix = np.clip(matrix, -1.0, 1.0)
    matrix[:, rms_speed(truth) < STATIC_PX] = np.nan
    return matrix


def rms_speed(flow: Flow) -> Floats:
    """Return the root-mean-square speed of each clip in pixels per step, array of shape (n_clips,)."""
    flat = flow.reshape(len(flow), -1)
    return np.sqrt(2.0 * np.array([np.square(clip, dtype=np.float64).mean() for clip in flat]))


def epe(truth: Flow, prediction: Flow) -> Floats:
    """Return the mean end-point error of each clip in pixels per step.

    Args:
        truth: array of shape (n_clips, n_steps, height, width, 2), pixels per step.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_clips,).
    """
    if truth.shape != prediction.shape:
        raise DataError(f"flows of shape {truth.shape} and {prediction.shape} do not match")
    return np.array([_mean_length(f - g) for f, g in zip(truth, prediction, strict=True)])


def epe_static(truth: Flow) -> Floats:
    """Return the end-point error that a clip without motion gets: the mean true speed, array of shape (n_clips,)."""
    return np.array([_mean_length(f) for f in truth])


def skill(truth: Flow, prediction: Flow) -> Floats:
    """Return 1 - EPE / EPE of a static clip, array of shape (n_clips,), NaN where the truth is static."""
    return 1.0 - over_speed(epe(truth, prediction), epe_static(truth))


def speed_ratio(truth: Flow, prediction: Flow) -> Floats:
    """Return mean predicted over mean true speed, array of shape (n_clips,), NaN where the truth is static."""
    return over_speed(epe_static(prediction), epe_static(truth))


def over_speed(values: Floats, speed: Floats) -> Floats:
    """Return values (n,) over mean true speeds (n,), NaN where the truth is static."""
    return np.divide(values, speed, out=np.full_like(speed, np.nan), where=speed > STATIC_PX)


def _mean_length(flow: Flow) -> float:
    return float(np.sqrt(flow[..., 0] ** 2 + flow[..., 1] ** 2).mean(dtype=np.float64))


def _directions(flow: Flow) -> Flow:
    """Return flows as unit vectors of shape (n_clips, n_values), zero where nothing moves."""
    flat = np.array(flow, np.float32).reshape(len(flow), -1)
    norm = rms_speed(flow) * np.sqrt(flat.shape[1] / 2)
    moving = rms_speed(flow) >= STATIC_PX
    scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=moving)
    flat *= scale[:, None].astype(np.float32)
    return flat


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingError(
            "optical flow needs OpenCV", why=str(error), next="pip install opencv-python-headless"
        ) from error
    return cv2
