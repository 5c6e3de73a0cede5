"""The scene grammar and its renderer: held-out combinations, motion, position."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.demo.grammar import DIRECTION, MOTIONS, Scene, class_names, draw_film, is_held_out
from brainflix.demo.render import RGB, frame_times, render


def test_training_film_never_shows_a_held_out_pair_and_the_test_film_does() -> None:
    train, test = draw_film(3, 400, allow_held_out=False), draw_film(3, 400, allow_held_out=True)
    assert not any(is_held_out(s.shape, s.colour) for s in train)
    assert any(is_held_out(s.shape, s.colour) for s in test)
    assert {s.shape for s in train} == {s.shape for s in test} and {s.colour for s in train} == set(RGB)


def test_films_depend_on_their_seed_alone() -> None:
    assert draw_film(1, 20, allow_held_out=True) == draw_film(1, 20, allow_held_out=True)
    assert draw_film(1, 20, allow_held_out=True) != draw_film(2, 20, allow_held_out=True)


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_object_moves_where_the_scene_says(motion: str) -> None:
    scene = Scene("disc", "red", motion, "night", 0.5, 0.5, 0.15, 0.3)
    frames = render(scene, frame_times(8, 4.0), 64).astype(float)
    weight = np.clip(frames[..., 0] - frames[..., 2], 0, None)
    y, x = np.mgrid[:64, :64]
    cx, cy = (weight * x).sum((1, 2)) / weight.sum((1, 2)), (weight * y).sum((1, 2)) / weight.sum((1, 2))
    dx, dy = DIRECTION[motion]
    # Seven steps of a quarter second, of 2 s that cover 0.3 of 64 px.
    assert cx[-1] - cx[0] == pytest.approx(dx * 0.3 * 64 * 7 / 8, abs=0.5)
    assert cy[-1] - cy[0] == pytest.approx(dy * 0.3 * 64 * 7 / 8, abs=0.5)


def test_every_class_has_its_own_name() -> None:
    assert len(class_names()) == len(set(class_names())) == 6 * 6 * 4
