"""Structural similarity of frames in the field's two flavours, split so that a clip's own share is computed once.

SSIM = mean over windows of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)), C1 = (0.01 L)^2,
C2 = (0.03 L)^2, over windows that lie wholly inside the frame. Only sxy needs both clips, so scoring many pairings of
the same clips costs one filtered product each. scikit-image gives the same values (tests hold the two to 1e-8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]
Plane = NDArray[np.floating[Any]]
GREY_WEIGHTS = (0.2125, 0.7154, 0.0721)
# Elements per block: a handful of float32 work arrays of this size stays in a core's second-level cache.
BLOCK = 49_152


def _gaussian_taps(sigma: float, truncate: float) -> tuple[float, ...]:
    radius = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return tuple((weights / weights.sum()).tolist())


@dataclass(frozen=True)
class Flavour:
    """One way to compute SSIM (metrics spec 2.2).

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
    """What one clip brings to every comparison; arrays of shape (n_frames, n_planes * height * width).

    Rows of a plane follow each other without a gap, so a window near the right or lower border wraps; `inside` of shape
    (n_planes * height * width,) is 1 / n_windows where it does not and 0 where it does.
    """

    planes: Plane
    mean: Plane
    luminance: Plane
    variance: Plane
    inside: Plane
    width: int
    flavour: Flavour


def prepare(frames: NDArray[np.uint8], flavour: Flavour, dtype: type[np.floating[Any]] = np.float64) -> Prepared:
    """Compute the window means and variances of a clip.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8.
        flavour: RGB_U7 or GRAY_G11.
        dtype: float64 for reported values; float32 (error below 1e-5) where thousands of pairings are needed.

    Raises:
        DataError: the frames are smaller than the window.
    """
    n_frames, height, width, _ = frames.shape
    size = len(flavour.taps)
    if min(height, width) < size:
        raise DataError(f"frames of {height}x{width} are smaller than the {size}x{size} window of SSIM {flavour.name}")
    planes = frames.astype(np.float64)
    planes = (planes / 255.0 @ np.array(GREY_WEIGHTS))[:, None] if flavour.grey else np.moveaxis(planes, -1, 1)
    n_planes = planes.shape[1]
    flat = planes.reshape(n_frames, -1).astype(dtype)
    inside = np.zeros((n_planes, height, width), dtype)
    inside[:, : height - size + 1, : width - size + 1] = 1.0
    c1, c2 = flavour.constants()
    mean, square = np.zeros_like(flat), np.zeros_like(flat)
    for frame in range(n_frames):
        # Moments always in float64: they are few, and the variance is a small difference of large numbers.
        wide = flat[frame].astype(np.float64)
        first, second = _filter(wide, flavour.taps, width), _filter(wide * wide, flavour.taps, width)
        second -= first * first
        mean[frame, : first.size], square[frame, : first.size] = first, second
    luminance = mean.astype(np.float64) ** 2 / 2 + c1 / 4
    variance = np.maximum(square, 0) / 2 + dtype(c2 / 4)
    share = (inside / inside.sum()).reshape(-1)
    return Prepared(flat, mean, luminance.astype(dtype), variance, share, width, flavour)


def compare(a: Prepared, b: Prepared) -> Floats:
    """Return the SSIM of each frame of one clip with the same frame of the other, array of shape (n_frames,)."""
    if a.planes.shape != b.planes.shape or a.flavour != b.flavour or a.width != b.width:
        raise DataError(f"clips prepared as {a.planes.shape} and {b.planes.shape} cannot be compared")
    n_frames, length = a.planes.shape
    block = max(1, BLOCK // length)
    half_c1, half_c2 = (constant / 2 for constant in a.flavour.constants())
    result = np.empty(n_frames)
    for start in range(0, n_frames, block):
        rows = slice(start, start + block)
        covariance = _filter((a.planes[rows] * b.planes[rows]).ravel(), a.flavour.taps, a.width)
        n = covariance.size
        ratio = np.zeros(a.planes[rows].size, a.planes.dtype)
        inner = ratio[:n]
        np.multiply(a.mean[rows].ravel()[:n], b.mean[rows].ravel()[:n], out=inner)
        covariance -= inner
        covariance += half_c2
        inner += half_c1
        inner *= covariance
        below = a.luminance[rows].ravel()[:n] + b.luminance[rows].ravel()[:n]
        np.add(a.variance[rows].ravel()[:n], b.variance[rows].ravel()[:n], out=covariance)
        below *= covariance
        inner /= below
        result[rows] = ratio.reshape(-1, length) @ a.inside
    return result


def _filter(flat: Plane, taps: tuple[float, ...], width: int) -> Plane:
    """Filter rows and then columns of planes laid end to end; entry p is the window whose first pixel is p."""
    if len(set(taps)) == 1:
        summed = _sum7(_sum7(flat, 1), width)
        summed *= flat.dtype.type(taps[0] ** 2)
        return summed
    return _weighted(_weighted(flat, taps, 1), taps, width)


def _sum7(flat: Plane, step: int) -> Plane:
    """Return the sum of 7 entries `step` apart as 4 + 2 + 1, four additions instead of six."""
    two = flat[:-step] + flat[step:]
    four = two[: -2 * step] + two[2 * step :]
    n = flat.size - 6 * step
    total: Plane = four[:n] + two[4 * step : 4 * step + n]
    total += flat[6 * step :]
    return total


def _weighted(flat: Plane, taps: tuple[float, ...], step: int) -> Plane:
    """Return the weighted sum of entries `step` apart, mirrored taps added before they are weighted."""
    last = len(taps) - 1
    n = flat.size - last * step
    middle = last // 2 * step
    total: Plane = flat[middle : middle + n] * flat.dtype.type(taps[last // 2])
    pair = np.empty_like(total)
    for tap in range(last // 2):
        np.add(flat[tap * step : tap * step + n], flat[(last - tap) * step : (last - tap) * step + n], out=pair)
        pair *= flat.dtype.type(taps[tap])
        total += pair
    return total
