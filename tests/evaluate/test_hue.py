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
    "hue_pearson_rgb": hue.hue_pearson,
    "hue_circ_rgb": hue.hue_circ_unweighted,
}


def _noise(seed: int, n_frames: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n_frames, 16, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", list(SCORES))
def test_reference_values(name: str) -> None:
    document = reference()
    assert SCORES[name](clip(0), clip(1)) == pytest.approx(document["pair"]["per_frame"][name], abs=1e-9)
    assert SCORES[name](clip(0), clip(0)) == pytest.approx(document["identical"]["per_frame"][name], abs=1e-9)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_8bit_hue_is_opencvs_for_every_colour_on_a_grid(order: hue.Order) -> None:
    cv2 = pytest.importorskip("cv2", reason="compares with opencv-python-headless")
    levels = np.unique(np.append(np.arange(0, 256, 3), 254)).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, len(levels), -1, 3)
    code = cv2.COLOR_RGB2HSV if order == "rgb" else cv2.COLOR_BGR2HSV
    assert np.array_equal(hue.hue_8bit(colours, order)[0], cv2.cvtColor(colours[0], code)[..., 0])


def test_exact_hue_and_saturation_are_those_of_colorsys() -> None:
    frames = _noise(0)
    angle, saturation = hue.hue_degrees(frames)
    expected = np.array([colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in frames.reshape(-1, 3)])
    assert angle.ravel() == pytest.approx(360 * expected[:, 0], abs=1e-9)
    assert saturation.ravel() == pytest.approx(expected[:, 1], abs=1e-12)


def test_circular_score_equals_the_loop_over_coloured_pixels() -> None:
    a, b = _noise(1), _noise(2)
    a[0, :8], b[0, :, :5] = [100, 100, 101], [7, 7, 7]
    for frame, score in enumerate(hue.hue_circ(a, b)):
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
    for frame, score in enumerate(hue.hue_circ_corr(a, b)):
        pairs = zip(a[frame].reshape(-1, 3) / 255, b[frame].reshape(-1, 3) / 255, strict=True)
        both = [(colorsys.rgb_to_hsv(*x), colorsys.rgb_to_hsv(*y)) for x, y in pairs]
        angles = 2 * np.pi * np.array([(x[0], y[0]) for x, y in both if min(x[1], y[1]) >= 0.05])
        sines = np.sin(angles - stats.circmean(angles, axis=0))
        expected = (sines[:, 0] * sines[:, 1]).sum() / np.sqrt((sines**2).sum(axis=0).prod())
        assert score == pytest.approx(expected, abs=1e-12)
    assert hue.hue_circ_corr(a, b)[0] > 0.3 > hue.hue_circ_corr(a, b)[1], "half of the first frame was copied"


def test_circular_correlation_follows_turns_and_reflections_of_the_hue() -> None:
    around = np.random.default_rng(7).normal(350, 25, (20, 20))
    frame = _coloured(around)
    # 8-bit colours round hues to a quarter of a degree.
    assert hue.hue_circ_corr(frame, _coloured(around + 90)) == pytest.approx([1.0], abs=1e-3)
    assert hue.hue_circ_corr(frame, _coloured(-around)) == pytest.approx([-1.0], abs=1e-3)
    shuffled = np.random.default_rng(8).permutation(around.ravel()).reshape(around.shape)
    assert abs(hue.hue_circ_corr(frame, _coloured(shuffled))[0]) < 0.2
    assert hue.hue_circ(frame, _coloured(around + 90))[0] == pytest.approx(0.0, abs=0.02)


def test_circular_correlation_is_undefined_without_spread_or_direction() -> None:
    varied, one = _coloured(np.arange(0.0, 40.0).reshape(5, 8)), _coloured(np.full((5, 8), 30.0))
    opposite = np.where(np.arange(40).reshape(5, 8) < 30, 0.0, 180.0)
    balanced = np.where(np.arange(40).reshape(5, 8) < 20, 0.0, 180.0)
    for frame in (one, _coloured(opposite), _coloured(balanced)):
        assert np.isnan(hue.hue_circ_corr(varied, frame)).all()
        assert np.isnan(hue.hue_circ_corr(frame, varied)).all()
    assert hue.hue_circ_corr(varied, varied) == pytest.approx([1.0])


def test_hues_on_both_sides_of_red_are_near_only_on_the_circle() -> None:
    a, b = np.zeros((2, 1, 4, 4, 3), np.uint8)
    a[...], b[...] = [250, 10, 0], [250, 0, 10]
    assert hue.hue_circ(a, b)[0] > 0.99
    a[0, 0], b[0, 0] = [0, 0, 250], [0, 0, 250]
    assert hue.hue_cos(a, b, "rgb")[0] < 0.7


def test_unrelated_hues_get_0_from_the_circle_and_075_from_the_published_score() -> None:
    generator = np.random.default_rng(3)
    colours = np.array([colorsys.hsv_to_rgb(h, 1.0, 1.0) for h in np.linspace(0, 1, 360, endpoint=False)])
    table = np.rint(255 * colours).astype(np.uint8)
    a, b = table[generator.integers(0, 360, (2, 1, 200, 200))]
    assert abs(hue.hue_circ(a, b)[0]) < 0.02
    assert hue.hue_cos(a, b, "rgb")[0] == pytest.approx(0.75, abs=0.01)


def test_the_swap_of_red_and_blue_changes_the_published_score() -> None:
    bgr, rgb = (hue.hue_cos(clip(0), clip(1), order) for order in ("bgr", "rgb"))
    assert (np.abs(bgr - rgb) > 0.04).all()
    assert np.array_equal(bgr, hue.hue_cos(clip(0)[..., ::-1], clip(1)[..., ::-1], "rgb"))


def test_grey_frames_have_no_hue() -> None:
    colour, grey = _noise(4), np.full((3, 16, 20, 3), 90, np.uint8)
    for score in (hue.hue_circ, hue.hue_circ_corr, hue.hue_pearson, SCORES["hue_cos_bgr"], SCORES["hue_cos_rgb"]):
        assert np.isnan(score(colour, grey)).all()
        assert np.isnan(score(grey, colour)).all()
    assert hue.hue_circ(colour, colour) == pytest.approx(np.ones(3))


def test_refuses_other_orders_and_shapes() -> None:
    with pytest.raises(UsageError, match="order"):
        hue.hue_cos(_noise(0), _noise(1), "grb")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="differ in shape"):
        hue.hue_circ(_noise(0), _noise(1, 2))
