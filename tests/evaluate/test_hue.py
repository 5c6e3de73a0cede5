"""Hue scores against the reference vectors, OpenCV, colorsys and their definitions."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from metric_clips import clip, reference
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import hue

SCORES = {
    "hue_cos_bgr": lambda a, b: hue.hue_cos(a, b, "bgr"),
    "hue_cos_rgb": lambda a, b: hue.hue_cos(a, b, "rgb"),
}


def _circ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return hue.circ(hue.hue_of(a), hue.hue_of(b))


def _circ_corr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return hue.circ_corr(hue.hue_of(a), hue.hue_of(b))


def _hsv(frames: np.ndarray) -> np.ndarray:
    """Return hue in degrees, saturation and value of every pixel by colorsys, array of shape (3, *pixels)."""
    values = np.array([colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in frames.reshape(-1, 3)])
    return (values * [360, 1, 1]).T.reshape(3, *frames.shape[:-1])


def _noise(seed: int, n_frames: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n_frames, 16, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", list(SCORES))
def test_reference_values(name: str) -> None:
    document = reference()
    assert SCORES[name](clip(0), clip(1)) == pytest.approx(document["pair"]["per_frame"][name], abs=1e-9)
    assert SCORES[name](clip(0), clip(0)) == pytest.approx(document["identical"]["per_frame"][name], abs=1e-9)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_8bit_hue_is_the_exact_one_in_steps_of_two_degrees(order: hue.Order) -> None:
    frames = _noise(9)
    exact, saturation, _ = _hsv(frames if order == "rgb" else frames[..., ::-1])
    turn = (2.0 * hue.hue_8bit(frames, order) - exact + 180) % 360 - 180
    # Rounded to 2 degrees, by a table of fixed-point numbers.
    assert np.abs(turn[saturation > 0]).max() < 1.5
    assert (hue.hue_8bit(np.full((1, 4, 4, 3), 7, np.uint8), order) == 0).all(), "grey counts as red"


def test_exact_hue_and_saturation_are_those_of_colorsys() -> None:
    frames = _noise(0)
    frames[0, :8] = [100, 100, 101]
    angle, saturation, _ = _hsv(frames)
    saturation[saturation < hue.LEAST_SATURATION] = 0
    found = hue.hue_of(frames)
    assert found.saturation == pytest.approx(saturation, abs=1e-12) and not found.saturation[0, :8].any()
    assert found.vector == pytest.approx(saturation * np.exp(1j * np.deg2rad(angle)), abs=1e-12)


def test_circular_score_equals_the_loop_over_coloured_pixels() -> None:
    a, b = _noise(1), _noise(2)
    a[0, :8], b[0, :, :5] = [100, 100, 101], [7, 7, 7]
    for frame, score in enumerate(_circ(a, b)):
        top = below = 0.0
        for x, y in zip(a[frame].reshape(-1, 3) / 255, b[frame].reshape(-1, 3) / 255, strict=True):
            (h, s, _), (g, t, _) = colorsys.rgb_to_hsv(*x), colorsys.rgb_to_hsv(*y)
            if min(s, t) >= 0.05:
                top += s * t * np.cos(2 * np.pi * (h - g))
                below += s * t
        assert score == pytest.approx(top / below, abs=1e-12)


def _coloured(degrees: np.ndarray) -> np.ndarray:
    """Return one frame of saturated colours of these hues, array of shape (1, *degrees.shape, 3)."""
    colours = [colorsys.hsv_to_rgb(angle / 360 % 1, 1.0, 1.0) for angle in degrees.ravel()]
    return np.rint(255 * np.array(colours)).astype(np.uint8).reshape(1, *degrees.shape, 3)


def test_circular_correlation_equals_its_definition_by_brute_force() -> None:
    a, b = _noise(5), _noise(6)
    b[0, :8], a[0, :, :5] = a[0, :8], [100, 100, 101]
    for frame, score in enumerate(_circ_corr(a, b)):
        pairs = zip(a[frame].reshape(-1, 3) / 255, b[frame].reshape(-1, 3) / 255, strict=True)
        both = [(colorsys.rgb_to_hsv(*x), colorsys.rgb_to_hsv(*y)) for x, y in pairs]
        angles = 2 * np.pi * np.array([(x[0], y[0]) for x, y in both if min(x[1], y[1]) >= 0.05])
        sines = np.sin(angles - stats.circmean(angles, axis=0))
        expected = (sines[:, 0] * sines[:, 1]).sum() / np.sqrt((sines**2).sum(axis=0).prod())
        assert score == pytest.approx(expected, abs=1e-12)
    assert _circ_corr(a, b)[0] > 0.3 > _circ_corr(a, b)[1], "half of the first frame was copied"


def test_circular_correlation_follows_turns_and_reflections_of_the_hue() -> None:
    around = np.random.default_rng(7).normal(350, 25, (20, 20))
    frame = _coloured(around)
    # 8-bit colours round hues to a quarter of a degree.
    assert _circ_corr(frame, _coloured(around + 90)) == pytest.approx([1.0], abs=1e-3)
    assert _circ_corr(frame, _coloured(-around)) == pytest.approx([-1.0], abs=1e-3)
    shuffled = np.random.default_rng(8).permutation(around.ravel()).reshape(around.shape)
    assert abs(_circ_corr(frame, _coloured(shuffled))[0]) < 0.2
    assert _circ(frame, _coloured(around + 90))[0] == pytest.approx(0.0, abs=0.02)


def test_circular_correlation_is_undefined_without_spread_or_direction() -> None:
    varied, one = _coloured(np.arange(0.0, 40.0).reshape(5, 8)), _coloured(np.full((5, 8), 30.0))
    opposite = np.where(np.arange(40).reshape(5, 8) < 30, 0.0, 180.0)
    balanced = np.where(np.arange(40).reshape(5, 8) < 20, 0.0, 180.0)
    for frame in (one, _coloured(opposite), _coloured(balanced)):
        assert np.isnan(_circ_corr(varied, frame)).all()
        assert np.isnan(_circ_corr(frame, varied)).all()
    assert _circ_corr(varied, varied) == pytest.approx([1.0])


def test_hues_on_both_sides_of_red_are_near_only_on_the_circle() -> None:
    a, b = np.zeros((2, 1, 4, 4, 3), np.uint8)
    a[...], b[...] = [250, 10, 0], [250, 0, 10]
    assert _circ(a, b)[0] > 0.99
    a[0, 0], b[0, 0] = [0, 0, 250], [0, 0, 250]
    assert hue.hue_cos(a, b, "rgb")[0] < 0.7


def test_unrelated_hues_get_0_from_the_circle_and_075_from_the_published_score() -> None:
    generator = np.random.default_rng(3)
    colours = np.array([colorsys.hsv_to_rgb(h, 1.0, 1.0) for h in np.linspace(0, 1, 360, endpoint=False)])
    table = np.rint(255 * colours).astype(np.uint8)
    a, b = table[generator.integers(0, 360, (2, 1, 200, 200))]
    assert abs(_circ(a, b)[0]) < 0.02
    assert hue.hue_cos(a, b, "rgb")[0] == pytest.approx(0.75, abs=0.01)


def test_the_swap_of_red_and_blue_changes_the_published_score() -> None:
    bgr, rgb = (hue.hue_cos(clip(0), clip(1), order) for order in ("bgr", "rgb"))
    assert (np.abs(bgr - rgb) > 0.04).all()
    assert np.array_equal(bgr, hue.hue_cos(clip(0)[..., ::-1], clip(1)[..., ::-1], "rgb"))


def test_grey_frames_have_no_hue() -> None:
    colour, grey = _noise(4), np.full((3, 16, 20, 3), 90, np.uint8)
    for score in (_circ, _circ_corr, SCORES["hue_cos_bgr"], SCORES["hue_cos_rgb"]):
        assert np.isnan(score(colour, grey)).all()
        assert np.isnan(score(grey, colour)).all()
    assert _circ(colour, colour) == pytest.approx(np.ones(3))


def test_refuses_other_orders_and_shapes() -> None:
    with pytest.raises(UsageError, match="order"):
        hue.hue_cos(_noise(0), _noise(1), "grb")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="differ in shape"):
        hue.hue_cos(_noise(0), _noise(1, 2), "rgb")
