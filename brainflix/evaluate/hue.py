"""Hue scores of uint8 RGB frames, per frame: the circular one that can be read, and the published "Hue-pcc".

The published score is neither a correlation nor centred: it is the cosine of two hue images, with red and blue swapped
(docs/scoring.md, Hue). Unrelated uniform hues get 0.75 from it. Hue is an angle, so `circ` takes the cosine of the
difference: 1 for equal hues, 0 for unrelated ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from brainflix.errors import UsageError
from brainflix.evaluate.pixels import Floats, Frames, checked

Order = Literal["bgr", "rgb"]
Shorts = NDArray[np.int16]
# Below this saturation a hue is rounding noise (docs/scoring.md, Hue).
LEAST_SATURATION = 0.05
# Mean squared sine about the mean direction, and length of the mean resultant, below which they are rounding alone.
LEAST_SPREAD, LEAST_RESULTANT = 1e-24, 1e-12
# Hue in sixths of a turn times chroma goes from -255 to 5 * 255.
N_POSITIONS = 6 * 255


@dataclass(frozen=True, eq=False)
class Hue:
    """Hue and saturation of every pixel, arrays of shape (n_frames, height, width); 0 where hue is rounding noise.

    Attributes:
        vector: complex, saturation times e^(i hue).
        saturation: in [0, 1].
    """

    vector: NDArray[np.complex128]
    saturation: Floats


def hue_of(frames: Frames) -> Hue:
    """Return the exact hue of frames (n_frames, height, width, 3), uint8 RGB."""
    position, chroma, value = _sectors(frames)
    saturation = _over(chroma, value)
    saturation *= saturation >= LEAST_SATURATION
    # Few positions and chromas are possible, so directions are looked up.
    where = chroma.astype(np.int32) * (N_POSITIONS + 1) + position + 255
    # All of them are inside; left to make sure of it, numpy takes a fifth longer.
    vector = np.take(_directions(), where, mode="clip")
    vector *= saturation
    return Hue(vector, saturation)


def _sectors(frames: Frames) -> tuple[Shorts, Shorts, Shorts]:
    """Return the hue in sixths of a turn times chroma (-255 to 5 * 255, negative below red), chroma, and value."""
    # 16 bits hold all of them, and four times as many fit in a register as of 64.
    red, green, blue = (np.ascontiguousarray(frames[..., channel], np.int16) for channel in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    below_blue = np.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma)
    return np.where(value == red, green - blue, below_blue), chroma, value


def _over(chroma: Shorts, value: Shorts) -> Floats:
    saturation: Floats = np.divide(chroma, value, out=np.zeros(chroma.shape), where=value > 0)
    return saturation


@cache
def _directions() -> NDArray[np.complex128]:
    """Return e^(i hue) by chroma and position, a flat table of (256, N_POSITIONS + 1) entries."""
    chroma = np.arange(256)[:, None]
    position = np.arange(-255, N_POSITIONS - 254)
    degrees = np.divide(60.0 * position, chroma, out=np.zeros((256, N_POSITIONS + 1)), where=chroma > 0)
    return np.asarray(np.exp(1j * np.deg2rad(degrees)), np.complex128).ravel()


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
    code = cv2.COLOR_RGB2HSV if order == "rgb" else cv2.COLOR_BGR2HSV
    # One tall image: OpenCV takes two dimensions and the colour.
    tall = np.ascontiguousarray(frames).reshape(-1, frames.shape[-2], 3)
    return np.asarray(cv2.cvtColor(tall, code)[..., 0], np.uint8).reshape(frames.shape[:-1])


def circ(a: Hue, b: Hue) -> Floats:
    """Return the mean cosine of the hue difference, weighted by the product of both saturations: `hue_circ`.

    Pixels with a saturation below 0.05 in either side's frame are left out.

    Returns:
        Array of shape (n_frames,): 1 for equal hues, about 0 for unrelated ones, NaN where no pixel has colour in both.
    """
    # Re(conj(s e^ig) t e^ih) = s t cos(g - h), summed by one product of vectors.
    weighted = [np.vdot(f, g).real for f, g in zip(a.vector, b.vector, strict=True)]
    total = np.array([np.vdot(s, t) for s, t in zip(a.saturation, b.saturation, strict=True)])
    score: Floats = np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)
    return score


def circ_corr(a: Hue, b: Hue) -> Floats:
    """Return the circular correlation coefficient of the hues, as Jammalamadaka and SenGupta (2001) define it.

    sum sin(a - a0) sin(b - b0) / sqrt(sum sin^2(a - a0) sum sin^2(b - b0)), with a0 and b0 the mean directions. Pixels
    with a saturation below 0.05 in either frame are left out, and all others count alike, in the mean directions too.
    Unlike `circ` it does not see a turn of all hues by one angle.

    Returns:
        Array of shape (n_frames,), in [-1, 1]; NaN where no pixel has colour in both frames, and where a frame's hues
        have no mean direction or no spread about it.
    """
    return np.array([_circular_correlation(a, b, frame) for frame in range(len(a.vector))], np.float64)


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


def _circular_correlation(a: Hue, b: Hue, frame: int) -> float:
    """Return the circular correlation of one frame, NaN where it is undefined."""
    both = (a.saturation[frame] > 0) & (b.saturation[frame] > 0)
    if not both.any():
        return np.nan
    sines = []
    for hue in (a, b):
        turns = hue.vector[frame][both] / hue.saturation[frame][both]
        mean = turns.mean()
        if abs(mean) < LEAST_RESULTANT:
            return np.nan
        about = (turns * (mean / abs(mean)).conjugate()).imag
        if (about * about).mean() < LEAST_SPREAD:
            return np.nan
        sines.append(about)
    return float(sines[0] @ sines[1] / np.sqrt((sines[0] @ sines[0]) * (sines[1] @ sines[1])))
