"""Structural similarity of frames in the field's two flavours, split so that a clip's own share is computed once.

SSIM = mean over windows of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)), C1 = (0.01 L)^2,
C2 = (0.03 L)^2, over windows that lie wholly inside the frame (metrics spec 2.2). Only sxy needs both clips.
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
    """

    planes: list[Plane]
    mean: list[Plane]
    square: list[Plane]
    variance: list[Plane]
    flavour: Flavour

    def repeated(self, n_frames: int) -> Prepared:
        """Return the same for a clip of `n_frames` frames: itself, or its only frame as often as it takes."""
        if len(self.planes) == n_frames:
            return self
        times = n_frames // len(self.planes)
        return Prepared(
            self.planes * times, self.mean * times, self.square * times, self.variance * times, self.flavour
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
    variance = [_centred(plane, plane, each, flavour) for plane, each in zip(planes, square, strict=True)]
    return Prepared(planes, mean, square, variance, flavour)


def compare(a: Prepared, b: Prepared) -> Floats:
    """Return the SSIM of each frame of one clip with the same frame of the other, array of shape (n_frames,)."""
    shapes = [[plane.shape for plane in each.planes] for each in (a, b)]
    if shapes[0] != shapes[1] or a.flavour != b.flavour:
        raise DataError(f"clips prepared as {shapes[0]} and {shapes[1]} cannot be compared")
    c1, c2 = (constant * a.flavour.weight**2 for constant in a.flavour.constants())
    inner = slice(len(a.flavour.taps) // 2, -(len(a.flavour.taps) // 2))
    result = np.empty(len(a.planes))
    above, below, other = (np.empty(a.planes[0].shape) for _ in range(3))
    product = np.empty_like(a.mean[0])
    for frame in range(len(result)):
        np.multiply(a.mean[frame], b.mean[frame], out=product)
        covariance = _centred(a.planes[frame], b.planes[frame], product, a.flavour)
        np.multiply(product, 2.0, out=above)
        above += c1
        np.multiply(covariance, 2.0, out=other)
        other += c2
        above *= other
        np.add(a.square[frame], b.square[frame], out=product)
        np.add(product, c1, out=below)
        np.add(a.variance[frame], b.variance[frame], out=product)
        np.add(product, c2, out=other)
        below *= other
        above /= below
        result[frame] = above[inner, inner].mean()
    return result


def _centred(a: Plane, b: Plane, means: Plane, flavour: Flavour) -> Plane:
    """Return N^2 times the covariance of the windows of two planes, whose means' product is N^-2 `means`."""
    products = a * b if flavour.grey else cv2.multiply(a, b, dtype=cv2.CV_16U)
    centred = _filtered(np.asarray(products), flavour)
    if not flavour.grey:
        centred *= flavour.weight
    centred -= means
    return centred


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
