"""The time that is left, against counts whose end is known; and that long jobs count."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.align.methods import procrustes, srm
from brainflix.align.parts import ProcrustesParams, SrmParams
from brainflix.cli import output
from brainflix.linear.ridge import fit_ridge
from brainflix.regress.mlp import MLPOptions, fit_mlp


def test_after_one_batch_of_minutes_the_rest_is_known_and_counts_down():
    pace = output.Pace(10, 0.0)
    assert pace.left_s(100.0) is None and str(pace) == ""
    pace.step(180.0)
    assert pace.left_s(180.0) == 9 * 180
    assert pace.left_s(260.0) == 9 * 180 - 80
    pace.step(400.0)
    assert pace.left_s(400.0) == 8 * 200
    assert pace.left_s(10_000.0) == 0.0


def test_what_was_there_before_says_nothing_of_the_rest():
    pace = output.Pace(100, 0.0)
    for _ in range(40):
        pace.step(0.001)
    pace.step(60.001)
    assert pace.left_s(60.001) == pytest.approx(59 * 60, rel=1e-3)


def test_without_a_total_nothing_is_promised():
    pace = output.Pace(None, 0.0)
    pace.step(5.0)
    assert pace.left_s(5.0) is None


class Counted:
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.units: list[tuple[str, int]] = []

    def track(self, items, what):
        for count, item in enumerate(items, start=1):
            yield item
            self.units.append((what, count))


def test_long_fits_count_and_give_the_same_numbers():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 5)), rng.standard_normal((60, 7))
    seen = Counted()
    options = MLPOptions(hidden=4, epochs=3, patience=3, batch_size=16)
    fits = [fit_mlp(x, y, options, seed=1, **more) for more in ({"track": seen.track}, {})]
    assert np.array_equal(fits[0].predict(x), fits[1].predict(x)) and seen.units == [("epochs", n) for n in (1, 2, 3)]
    seen = Counted()
    ridges = [fit_ridge(x, y, [1.0], target_tile=4, **more) for more in ({"track": seen.track}, {})]
    assert np.array_equal(ridges[0].predict(x), ridges[1].predict(x))
    assert seen.units == [("tiles of targets", 1), ("tiles of targets", 2)]


def test_aligners_count_rounds_and_settings_and_give_the_same_maps():
    rng = np.random.default_rng(1)
    sources, segments = [rng.standard_normal((80, 6)) for _ in range(3)], np.repeat(np.arange(4), 20)
    seen = Counted()
    params = ProcrustesParams(n_iterations=2)
    maps = [procrustes(sources, segments, params, "cpu", *more) for more in ([seen.track], [])]
    assert all(np.array_equal(a.apply(s), b.apply(s)) for a, b, s in zip(*maps, sources, strict=True))
    assert [count for unit, count in seen.units if unit == "rounds"] == [1, 2]
    assert [count for unit, count in seen.units if unit == "subjects"] == [1, 2, 3] * 3
    seen = Counted()
    srm(sources, segments, SrmParams(n_features=(2, 4), n_folds=2, n_iterations=2), "cpu", seen.track)
    assert seen.units == [("settings", 1), ("settings", 2)]
