"""Does alignment help? Agreement of columns between subjects, and moments found by their pattern, on unseen rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

Floats = NDArray[np.float64]


class SegmentMatch(NamedTuple):
    """Fraction of segments found, the fraction expected by chance, and the number of segments."""

    accuracy: float
    chance: float
    n_segments: int


def isc(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    """Return the correlation over time of each column of two subjects (inter-subject correlation).

    Args:
        a: array of shape (n_volumes, n_columns).
        b: array of the same shape.

    Returns:
        Array of shape (n_columns,), NaN where a column is constant.

    Raises:
        DataError: if the shapes differ.
    """
    _check(a, b)
    unit_a, unit_b = (_unit_columns(np.asarray(x, np.float64)) for x in (a, b))
    return np.asarray((unit_a * unit_b).sum(axis=0), np.float64)


def isc_leave_one_out(subjects: NDArray[Any]) -> Floats:
    """Return the correlation of each subject's columns with the mean of the others, array (n_subjects, n_columns).

    Args:
        subjects: array of shape (n_subjects, n_volumes, n_columns).

    Raises:
        DataError: if there are fewer than two subjects.
    """
    if subjects.ndim != 3 or len(subjects) < 2:
        raise DataError(f"subjects must have shape (n_subjects >= 2, n_volumes, n_columns), not {subjects.shape}")
    total = np.asarray(subjects, np.float64).sum(axis=0)
    return np.stack([isc(one, (total - one) / (len(subjects) - 1)) for one in subjects])


def time_segment_matching(a: NDArray[Any], b: NDArray[Any], *, window: int = 9) -> SegmentMatch:
    """Look up every segment of one subject in another by the correlation of its pattern (Haxby et al. 2011).

    A segment counts as found if its own time correlates more than every other segment that does not overlap it.
    Overlapping windows share volumes and are excluded, as in the paper.

    Args:
        a: array of shape (n_volumes, n_columns), the subject whose segments are looked up.
        b: array of the same shape, another subject or the mean of the others.
        window: volumes in a segment.

    Raises:
        DataError: if the shapes differ or some segment has nothing to be told apart from.
    """
    _check(a, b)
    n = a.shape[0] - window + 1
    if window < 1 or n < 2 * window:
        raise DataError(f"{a.shape[0]} volumes are too few for windows of {window}")
    correlation = _segment_correlation(np.asarray(a, np.float64), np.asarray(b, np.float64), window)
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    others = np.where(apart >= window, correlation, -np.inf)
    found = np.diagonal(correlation) > others.max(axis=1)
    chance = 1.0 / (1 + (apart >= window).sum(axis=1))
    return SegmentMatch(float(found.mean()), float(chance.mean()), n)


def _segment_correlation(a: Floats, b: Floats, window: int) -> Floats:
    """Correlate all pairs of windows, each flattened over volumes and columns, from one product of all volumes."""
    # Centring by the grand mean first keeps the differences of sums below accurate; it changes no correlation.
    a, b = a - a.mean(), b - b.mean()
    n = a.shape[0] - window + 1
    product = a @ b.T
    shared = sum((product[k : k + n, k : k + n] for k in range(window)), np.zeros((n, n)))
    numbers = window * a.shape[1]
    mean_a, mean_b = (_windows(x.sum(axis=1), window) / numbers for x in (a, b))
    power_a, power_b = (_windows((x**2).sum(axis=1), window) / numbers for x in (a, b))
    spread = np.sqrt(np.outer(power_a - mean_a**2, power_b - mean_b**2).clip(min=0))
    covariance = shared / numbers - np.outer(mean_a, mean_b)
    out: Floats = np.zeros((n, n))
    np.divide(covariance, spread, out=out, where=spread > 1e-12 * np.sqrt(power_a.max() * power_b.max()))
    return out


def _windows(x: Floats, window: int) -> Floats:
    return np.convolve(x, np.ones(window), mode="valid")


def _unit_columns(x: Floats) -> Floats:
    shifted = x - x[0]
    varies = shifted.any(axis=0)
    shifted -= shifted.mean(axis=0)
    length = np.sqrt((shifted**2).sum(axis=0))
    return np.asarray(shifted / np.where(varies & (length > 0), length, np.nan), np.float64)


def _check(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.ndim != 2 or a.shape != b.shape or a.shape[0] < 2:
        raise DataError(f"two subjects must have equal shapes (n_volumes, n_columns): {a.shape}, {b.shape}")
