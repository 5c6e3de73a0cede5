"""Structural similarity of frames in the field's two flavours, split so that a clip's own share is computed once.

SSIM = mean over windows of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)), C1 = (0.01 L)^2,
C2 = (0.03 L)^2, over windows that lie wholly inside the frame (metrics spec 2.2). Only sxy needs both clips.
scikit-image gives the same values (tests hold the two to 1e-8); OpenCV filters the planes, which is what costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]
GREY_WEIGHTS = (0.2125, 0.7154, 0.0721)


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
    """What one clip brings to every comparison; arrays of shape (n_frames, n_planes, height, width), float64.

    Windows are entered at their middle, so entries nearer to the border than half a window mean nothing.

    Attributes:
        planes: luminance, or R, G and B.
        mean: weighted mean of each window.
        square: its square.
        variance: weighted variance of each window.
        flavour: of the SSIM.
    """

    planes: Floats
    mean: Floats
    square: Floats
    variance: Floats
    flavour: Flavour


def prepare(frames: NDArray[np.uint8], flavour: Flavour) -> Prepared:
    """Compute the window means and variances of a clip.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8.
        flavour: RGB_U7 or GRAY_G11.

    Raises:
        DataError: the frames are smaller than the window.
    """
    check_size(frames.shape[1], frames.shape[2], flavour)
    planes = split_planes(frames, flavour)
    mean, variance = np.empty_like(planes), np.empty_like(planes)
    for index in np.ndindex(planes.shape[:2]):
        mean[index] = _filtered(planes[index], flavour)
        variance[index] = _filtered(planes[index] * planes[index], flavour)
    square = mean * mean
    variance -= square
    return Prepared(planes, mean, square, np.maximum(variance, 0, out=variance), flavour)


def compare(a: Prepared, b: Prepared) -> Floats:
    """Return the SSIM of each frame of one clip with the same frame of the other, array of shape (n_frames,)."""
    if a.planes.shape != b.planes.shape or a.flavour != b.flavour:
        raise DataError(f"clips prepared as {a.planes.shape} and {b.planes.shape} cannot be compared")
    half_c1, half_c2 = (constant / 2 for constant in a.flavour.constants())
    border = len(a.flavour.taps) // 2
    result = np.empty(a.planes.shape[:2])
    product, below, other = (np.empty(a.planes.shape[2:]) for _ in range(3))
    for index in np.ndindex(result.shape):
        # One plane at a time, in place: it stays in the processor's cache.
        covariance = _filtered(np.multiply(a.planes[index], b.planes[index], out=product), a.flavour)
        means = np.multiply(a.mean[index], b.mean[index], out=product)
        covariance -= means
        covariance += half_c2
        means += half_c1
        covariance *= means
        np.add(a.square[index], b.square[index], out=below)
        below += 2 * half_c1
        np.add(a.variance[index], b.variance[index], out=other)
        other += 2 * half_c2
        below *= other
        covariance /= below
        result[index] = 4 * covariance[border:-border, border:-border].mean()
    return np.asarray(result.mean(axis=1), np.float64)


def split_planes(frames: NDArray[np.uint8], flavour: Flavour) -> Floats:
    """Return what is compared of RGB pixels (n_frames, height, width, 3): (n_frames, 1 or 3, height, width)."""
    if flavour.grey:
        weights = np.array([GREY_WEIGHTS]) / 255.0
        return np.stack([cv2.transform(frame.astype(np.float64), weights)[None] for frame in frames])
    return np.ascontiguousarray(np.moveaxis(frames, -1, 1), np.float64)


def check_size(height: int, width: int, flavour: Flavour) -> None:
    """Raise DataError if frames are smaller than the window."""
    size = len(flavour.taps)
    if min(height, width) < size:
        raise DataError(f"frames of {height}x{width} are smaller than the {size}x{size} window of SSIM {flavour.name}")


def _filtered(plane: Floats, flavour: Flavour) -> Floats:
    """Return the weighted mean of the window around each pixel of a plane (height, width)."""
    if flavour.grey:
        taps = np.array(flavour.taps)
        return np.asarray(cv2.sepFilter2D(plane, cv2.CV_64F, taps, taps), np.float64)
    # Sums of whole numbers, which are exact, however OpenCV slides its window.
    size = (len(flavour.taps),) * 2
    summed = cv2.boxFilter(plane, cv2.CV_64F, size, normalize=False)
    summed *= flavour.taps[0] ** 2
    return np.asarray(summed, np.float64)
