"""Structural similarity of frames in the field's two flavours, split so that a clip's own share is computed once.

SSIM = mean over windows of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)), C1 = (0.01 L)^2,
C2 = (0.03 L)^2, over windows that lie wholly inside the frame (Wang et al. 2004, eq. 13). Only sxy needs both clips.
scikit-image gives the same values (tests hold the two to 1e-8); OpenCV filters the planes, which is what costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]
Plane = NDArray[Any]
GREY_WEIGHTS = (0.2125, 0.7154, 0.0721)
# Rows of windows that are compared at once.
ROWS = 32


def _gaussian_taps(sigma: float, truncate: float) -> tuple[float, ...]:
    radius = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return tuple((weights / weights.sum()).tolist())


@dataclass(frozen=True)
class Flavour:
    """One way to compute SSIM.

    Attributes:
        name: identifier that goes with the number.
        taps: weights of the separable window.
        grey: luminance in [0, 1] instead of the mean over R, G, B in [0, 255].
        sample: covariance with N / (N - 1).
    """

    name: str
    taps: tuple[float, ...]
    grey: bool
    sample: bool

    @property
    def weight(self) -> int:
        """What a window's weights add up to in `Prepared`: N where they are equal, else 1."""
        return 1 if self.grey else len(self.taps) ** 2

    def constants(self) -> tuple[float, float]:
        """Return C1 and C2, C2 divided by the covariance's normalisation so that no window needs to be scaled."""
        value_range = 1.0 if self.grey else 255.0
        n = len(self.taps) ** 2
        norm = n / (n - 1) if self.sample else 1.0
        return (0.01 * value_range) ** 2, (0.03 * value_range) ** 2 / norm


RGB_U7 = Flavour("rgb_u7", (1 / 7,) * 7, grey=False, sample=True)
GRAY_G11 = Flavour("gray_g11", _gaussian_taps(1.5, 3.5), grey=True, sample=False)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What one clip brings to every comparison; for each frame an array of shape (height, width, n_planes).

    With windows of equal weights everything is a sum of whole numbers, exact in 32 bits: N windows' pixels weigh N, not
    1. Windows are entered at their middle, so entries nearer to the border than half a window mean nothing.

    Attributes:
        planes: luminance in [0, 1] as float64, or R, G and B as uint8.
        mean: weighted sum of each window, N times its mean.
        square: its square.
        variance: N^2 times the variance of each window.
        flavour: of the SSIM.
        blank: whether all pixels of a frame are the same, so that it covaries with nothing.
    """

    planes: list[Plane]
    mean: list[Plane]
    square: list[Plane]
    variance: list[Plane]
    flavour: Flavour
    blank: list[bool]

    def repeated(self, n_frames: int) -> Prepared:
        """Return the same for a clip of `n_frames` frames: itself, or its only frame as often as it takes."""
        if len(self.planes) == n_frames:
            return self
        times = n_frames // len(self.planes)
        return Prepared(
            self.planes * times,
            self.mean * times,
            self.square * times,
            self.variance * times,
            self.flavour,
            self.blank * times,
        )


def prepare(frames: NDArray[np.uint8], flavour: Flavour) -> Prepared:
    """Compute the window means and variances of a clip.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8.
        flavour: RGB_U7 or GRAY_G11.

    Raises:
        DataError: the frames are smaller than the window.
    """
    check_size(frames.shape[1], frames.shape[2], flavour)
    planes = [np.ascontiguousarray(frame) for frame in frames]
    if flavour.grey:
        weights = np.array([GREY_WEIGHTS]) / 255.0
        planes = [cv2.transform(frame.astype(np.float64), weights)[..., None] for frame in planes]
    mean = [_filtered(plane, flavour) for plane in planes]
    square = [each * each for each in mean]
    variance = [_products(plane, plane, flavour) - each for plane, each in zip(planes, square, strict=True)]
    blank = [bool((plane == plane[:1, :1]).all()) for plane in planes]
    return Prepared(planes, mean, square, variance, flavour, blank)


def compare(a: Prepared, b: Prepared) -> Floats:
    """Return the SSIM of each frame of one clip with the same frame of the other, array of shape (n_frames,)."""
    shapes = [[plane.shape for plane in each.planes] for each in (a, b)]
    if shapes[0] != shapes[1] or a.flavour != b.flavour:
        raise DataError(f"clips prepared as {shapes[0]} and {shapes[1]} cannot be compared")
    return np.array([_compare_frame(a, b, frame) for frame in range(len(a.planes))], np.float64)


def _compare_frame(a: Prepared, b: Prepared, frame: int) -> float:
    """Return the mean SSIM over the windows of one frame, some rows of windows at a time."""
    c1, c2 = (constant * a.flavour.weight**2 for constant in a.flavour.constants())
    border = len(a.flavour.taps) // 2
    mean_a, mean_b = a.mean[frame], b.mean[frame]
    square, variance = (a.square[frame], b.square[frame]), (a.variance[frame], b.variance[frame])
    # The baseline of grey frames is compared with everything.
    uncorrelated = a.blank[frame] or b.blank[frame]
    cross = None if uncorrelated else _products(a.planes[frame], b.planes[frame], a.flavour)
    height, width, n_planes = mean_a.shape
    scratch = np.empty((4, ROWS, width, n_planes))
    total = 0.0
    for top in range(border, height - border, ROWS):
        rows = slice(top, min(top + ROWS, height - border))
        # In place: what is at work at once stays in the processor's cache.
        means, above, below, other = scratch[:, : rows.stop - rows.start]
        np.multiply(mean_a[rows], mean_b[rows], out=means)
        np.multiply(means, 2.0, out=above)
        above += c1
        if cross is None:
            above *= c2
        else:
            np.subtract(cross[rows], means, out=other)
            other *= 2.0
            other += c2
            above *= other
        np.add(square[0][rows], square[1][rows], out=below)
        below += c1
        np.add(variance[0][rows], variance[1][rows], out=other)
        other += c2
        below *= other
        above /= below
        total += float(above[:, border:-border].sum())
    n_windows: int = (height - 2 * border) * (width - 2 * border) * n_planes
    return total / n_windows


def _products(a: Plane, b: Plane, flavour: Flavour) -> Plane:
    """Return N times the weighted sum of products of each window of two planes."""
    if flavour.grey:
        return _filtered(a * b, flavour)
    summed = _filtered(np.asarray(cv2.multiply(a, b, dtype=cv2.CV_16U)), flavour)
    summed *= flavour.weight
    return summed


def check_size(height: int, width: int, flavour: Flavour) -> None:
    """Raise DataError if frames are smaller than the window."""
    size = len(flavour.taps)
    if min(height, width) < size:
        raise DataError(f"frames of {height}x{width} are smaller than the {size}x{size} window of SSIM {flavour.name}")


def _filtered(plane: Plane, flavour: Flavour) -> Plane:
    """Return the weighted sum over the window around each pixel of a plane (height, width, n_planes)."""
    if flavour.grey:
        taps = np.array(flavour.taps)
        return np.asarray(cv2.sepFilter2D(plane, cv2.CV_64F, taps, taps))[..., None]
    size = (len(flavour.taps),) * 2
    return np.asarray(cv2.boxFilter(plane, cv2.CV_32S, size, normalize=False))
