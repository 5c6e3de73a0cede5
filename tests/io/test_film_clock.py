"""The clock of a film, from its stamps alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from brainflix.io.film_clock import FINEST_HZ, on_grid, read_clock


def shown(stamps: list[int], tick: Fraction, last: int | None, *rates: Fraction) -> tuple[str, float]:
    """Return the frames a, b, c ... on their grid, and places in a second."""
    clock = read_clock(stamps, tick, last, rates)
    assert clock is not None
    letters = "abcdefgh"[: len(stamps)]
    return "".join(on_grid(zip(letters, clock.starts_s, strict=True), clock)), float(clock.rate_hz)


def test_a_constant_rate_is_the_one_that_is_named() -> None:
    # Matroska rounds to milliseconds.
    assert shown([0, 33, 67, 100], Fraction(1, 1000), 33, Fraction(30)) == ("abcd", 30)
    assert shown([0, 1001, 2002], Fraction(1, 30000), 1001, Fraction(30000, 1001)) == (
        "abc",
        pytest.approx(29.97, abs=0.01),
    )
    # An average that a last frame bends does not fit; what all stamps say does.
    assert shown([0, 10, 20, 30], Fraction(1, 300), 300, Fraction(12)) == ("abc" + 30 * "d", 30)


def test_frames_that_are_held_fill_their_places() -> None:
    assert shown([0, 1, 2, 5, 6], Fraction(1, 30), 1, Fraction(20), Fraction(30)) == ("abcccde", 30)
    assert shown([0, 100, 200, 400, 600], Fraction(1, 3000), 200, Fraction(20), Fraction(30)) == ("abccddee", 30)


def test_frames_that_lie_on_no_common_grid_get_the_finest() -> None:
    found, rate = shown([0, 37, 90, 101], Fraction(1, 1000), 40, Fraction(28))
    assert rate == FINEST_HZ and found == 37 * "a" + 53 * "b" + 11 * "c" + 40 * "d"


def test_a_single_frame_lasts_as_it_says() -> None:
    assert shown([7], Fraction(1, 10), 20) == ("a", 0.5)
    assert shown([7], Fraction(1, 10), 20, Fraction(10)) == (20 * "a", 10)
    assert read_clock([7], Fraction(1, 10), None, ()) is None


def test_counting_frames_and_laying_them_on_a_grid_agree() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        steps = draw.integers(1, 4, 7)
        stamps = np.concatenate([[0], np.cumsum(steps)])
        expected = "".join("abcdefgh"[k] * n for k, n in enumerate([*steps.tolist(), 2]))
        found, _ = shown((stamps * 100).tolist(), Fraction(1, 3000), 200, Fraction(30))
        assert found == expected
