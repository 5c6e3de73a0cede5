"""Inter-subject correlation and time-segment matching against loops."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.align.quality import isc, isc_leave_one_out, time_segment_matching
from brainflix.errors import DataError


def _pair(noise: float, n: int = 60, v: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n, v))
    return shared + noise * rng.normal(size=(n, v)), shared + noise * rng.normal(size=(n, v)) + 3


def _matching_by_loop(a: np.ndarray, b: np.ndarray, window: int) -> float:
    n = len(a) - window + 1
    hits = 0
    for i in range(n):
        r = {j: np.corrcoef(a[i : i + window].ravel(), b[j : j + window].ravel())[0, 1] for j in range(n)}
        hits += all(r[i] > r[j] for j in range(n) if abs(i - j) >= window)
    return hits / n


def test_isc_equals_corrcoef_and_marks_constant_columns() -> None:
    a, b = _pair(1.0)
    b[:, 2] = 0.1
    expected = [np.corrcoef(a[:, v], b[:, v])[0, 1] for v in (0, 1, 3, 4, 5, 6)]
    np.testing.assert_allclose(np.delete(isc(a, b), 2), expected, atol=1e-12)
    assert np.isnan(isc(a, b)[2])


def test_leave_one_out_correlates_with_the_mean_of_the_others() -> None:
    subjects = np.stack([*_pair(1.0), _pair(2.0)[1]])
    expected = np.corrcoef(subjects[1, :, 4], subjects[[0, 2], :, 4].mean(axis=0))[0, 1]
    assert isc_leave_one_out(subjects)[1, 4] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(DataError, match="n_subjects"):
        isc_leave_one_out(subjects[:1])


@pytest.mark.parametrize("window", [1, 4, 9])
@pytest.mark.parametrize("noise", [0.5, 3.0])
def test_matching_equals_a_loop_over_segments(window: int, noise: float) -> None:
    a, b = _pair(noise)
    b *= np.linspace(0.2, 3, 60)[:, None]
    assert time_segment_matching(a, b, window=window).accuracy == pytest.approx(_matching_by_loop(a, b, window))


def test_matching_is_perfect_on_itself_and_at_chance_on_noise() -> None:
    a, _ = _pair(0.0)
    assert time_segment_matching(a, a).accuracy == 1.0
    rng = np.random.default_rng(1)
    found = [time_segment_matching(*rng.normal(size=(2, 60, 7)), window=3) for _ in range(60)]
    mean = np.mean([f.accuracy for f in found])
    assert found[0].n_segments == 58
    assert found[0].chance == pytest.approx(
        np.mean([1 / (1 + sum(abs(i - j) >= 3 for j in range(58))) for i in range(58)])
    )
    assert abs(mean - found[0].chance) < 0.01


def test_segments_without_variance_are_never_found() -> None:
    a, _ = _pair(0.0)
    assert time_segment_matching(np.zeros_like(a), a).accuracy == 0.0


def test_overlapping_windows_are_no_distractors() -> None:
    # Slow signals: neighbours are nearly equal, and a shifted copy is most like its neighbours.
    time = np.linspace(0, 1, 80)[:, None]
    a = np.sin(time * np.arange(1, 9) * 5 + np.arange(8))
    assert time_segment_matching(a[1:], a[:-1], window=9).accuracy == 1.0


def test_too_short_or_unequal_series_are_refused() -> None:
    a, b = _pair(1.0)
    with pytest.raises(DataError, match="equal shapes"):
        isc(a, b[1:])
    with pytest.raises(DataError, match="too few"):
        time_segment_matching(a[:20], b[:20], window=9)
