"""Hue scores of uint8 RGB frames, per frame: the circular one that can be read, and the published "Hue-pcc".

The published score is neither a correlation nor centred: it is the cosine of two hue images, with red and blue swapped
(metrics spec 2.5). Independent uniform hues get 0.75 from it. Hue is an angle, so `hue_circ` takes the cosine of the
difference: 1 for equal hues, 0 for unrelated ones.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import UsageError
from brainflix.evaluate.pixels import Floats, Frames, checked, pixcorr

Order = Literal["bgr", "rgb"]
# Below this saturation a hue is rounding noise (metrics spec 2.5).
LEAST_SATURATION = 0.05
# Mean squared sine about the mean direction, and length of the mean resultant, below which they are rounding alone.
LEAST_SPREAD, LEAST_RESULTANT = 1e-24, 1e-12
# The 8-bit hue of OpenCV divides by a table of 12-bit fixed-point numbers, which rounds a few pixels in a hundred
# unlike the exact quotient; entry 0 stands for grey pixels, whose hue is 0.
FIXED_POINT_BITS = 12
RECIPROCALS = np.rint(np.concatenate([[0.0], (180 << FIXED_POINT_BITS) / (6.0 * np.arange(1, 256))])).astype(np.int64)


def hue_degrees(frames: Frames) -> tuple[Floats, Floats]:
    """Return the exact HSV hue in degrees, [0, 360), and the saturation in [0, 1] of every pixel.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8 RGB.

    Returns:
        Two arrays of shape (n_frames, height, width); the hue is NaN where a pixel is grey, the saturation 0 where it
        is black.
    """
    position, chroma, value = _sectors(frames)
    hue = np.divide(60.0 * position, chroma, out=np.full(chroma.shape, np.nan), where=chroma > 0)
    saturation = np.divide(chroma, value, out=np.zeros(chroma.shape), where=value > 0)
    return hue % 360.0, saturation


def hue_8bit(frames: Frames, order: Order) -> NDArray[np.uint8]:
    """Return the hue as OpenCV's 8-bit conversion rounds it, in steps of 2 degrees, 0 to 179; grey pixels get 0.

    Args:
        frames: array of shape (n_frames, height, width, 3), uint8 RGB.
        order: "rgb", or "bgr" to read the red channel as blue and the blue one as red, as the published script does.

    Returns:
        Array of shape (n_frames, height, width).
    """
    if order not in ("bgr", "rgb"):
        raise UsageError(f"unknown channel order {order!r}", next="use rgb, or bgr for the published behaviour")
    position, chroma, _ = _sectors(frames if order == "rgb" else frames[..., ::-1])
    half = 1 << (FIXED_POINT_BITS - 1)
    hue = (position * RECIPROCALS[chroma] + half) >> FIXED_POINT_BITS
    wrapped: NDArray[np.uint8] = np.where(hue < 0, hue + 180, hue).astype(np.uint8)
    return wrapped


def hue_circ(truth: Frames, prediction: Frames) -> Floats:
    """Return the mean cosine of the hue difference, weighted by the product of both saturations.

    Exact hue of the RGB frames; pixels with a saturation below 0.05 in either frame are left out.

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_frames,): 1 for equal hues, about 0 for unrelated ones, NaN where no pixel has colour in both.
    """
    (hue_a, saturation_a), (hue_b, saturation_b) = (hue_degrees(f) for f in checked(truth, prediction))
    coloured = (saturation_a >= LEAST_SATURATION) & (saturation_b >= LEAST_SATURATION)
    weight = np.where(coloured, saturation_a * saturation_b, 0.0)
    agreement = np.where(coloured, np.cos(np.deg2rad(hue_a - hue_b)), 0.0)
    total = weight.sum(axis=(1, 2))
    weighted = (weight * agreement).sum(axis=(1, 2))
    score: Floats = np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)
    return score


def hue_circ_corr(truth: Frames, prediction: Frames) -> Floats:
    """Return the circular correlation coefficient of the hues, as Jammalamadaka and SenGupta define it (spec 2.5).

    sum sin(a - a0) sin(b - b0) / sqrt(sum sin^2(a - a0) sum sin^2(b - b0)), with a0 and b0 the mean directions. Pixels
    with a saturation below 0.05 in either frame are left out, and all others count alike, in the mean directions too.
    Unlike `hue_circ` it does not see a turn of all hues by one angle.

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_frames,), in [-1, 1]; NaN where no pixel has colour in both frames, and where a frame's hues
        have no mean direction or no spread about it.
    """
    (hue_a, saturation_a), (hue_b, saturation_b) = (hue_degrees(f) for f in checked(truth, prediction))
    coloured = (saturation_a >= LEAST_SATURATION) & (saturation_b >= LEAST_SATURATION)
    scores = [_circular_correlation(a[use], b[use]) for a, b, use in zip(hue_a, hue_b, coloured, strict=True)]
    return np.array(scores, np.float64)


def hue_circ_unweighted(truth: Frames, prediction: Frames) -> Floats:
    """Return the plain mean cosine of the hue difference over all pixels, without weights or a saturation mask.

    This, not `hue_circ`, is the definition behind the vector `hue_circ_rgb` of the reference document: 8-bit hue of
    the RGB frames (2-degree steps), every pixel counted alike, grey ones as red (hue 0).

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_frames,), always defined, so that grey frames look equal in hue.
    """
    a, b = (hue_8bit(f, "rgb").astype(np.float64) for f in checked(truth, prediction))
    mean: Floats = np.cos(np.deg2rad(2.0 * (a - b))).mean(axis=(1, 2))
    return mean


def hue_cos(truth: Frames, prediction: Frames, order: Order) -> Floats:
    """Return sum(a b) / sqrt(sum a^2 sum b^2) of the 8-bit hues of all pixels: the published "Hue-pcc".

    Reference vectors `hue_cos_bgr` and `hue_cos_rgb`: OpenCV's rounded hue, uncentred, no saturation mask.

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.
        order: "bgr" is the released behaviour (red and blue swapped), "rgb" the same without the swap.

    Returns:
        Array of shape (n_frames,), in [0, 1], NaN where either frame has hue 0 everywhere. Chance is 0.75, not 0.
    """
    a, b = (hue_8bit(f, order).reshape(len(f), -1).astype(np.float64) for f in checked(truth, prediction))
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    cosine: Floats = np.divide((a * b).sum(axis=1), norm, out=np.full(len(a), np.nan), where=norm > 0)
    return cosine


def hue_pearson(truth: Frames, prediction: Frames) -> Floats:
    """Return Pearson's r of the 8-bit RGB hues of all pixels; it does not know that 359 and 0 degrees are neighbours.

    Reference vector `hue_pearson_rgb`: OpenCV's rounded hue, no saturation mask.

    Args:
        truth: array of shape (n_frames, height, width, 3), uint8 RGB.
        prediction: array of the same shape.

    Returns:
        Array of shape (n_frames,), NaN where either frame has one hue.
    """
    a, b = checked(truth, prediction)
    return pixcorr(hue_8bit(a, "rgb"), hue_8bit(b, "rgb"))


def _circular_correlation(a_degrees: Floats, b_degrees: Floats) -> float:
    """Return the circular correlation of two lists of angles, NaN where it is undefined."""
    if not a_degrees.size:
        return np.nan
    turns = [np.exp(1j * np.deg2rad(angles)) for angles in (a_degrees, b_degrees)]
    means = [turn.mean() for turn in turns]
    if min(abs(mean) for mean in means) < LEAST_RESULTANT:
        return np.nan
    a, b = ((turn * (mean / abs(mean)).conjugate()).imag for turn, mean in zip(turns, means, strict=True))
    if min((a * a).mean(), (b * b).mean()) < LEAST_SPREAD:
        return np.nan
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _sectors(frames: Frames) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the hue in sixths of a turn times chroma (negative below red), chroma, and value, all integer."""
    red, green, blue = np.moveaxis(frames.astype(np.int64), -1, 0)
    value = frames.max(axis=-1).astype(np.int64)
    chroma = value - frames.min(axis=-1)
    below_blue = np.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma)
    return np.where(value == red, green - blue, below_blue), chroma, value
