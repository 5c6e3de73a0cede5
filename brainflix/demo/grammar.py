"""The scene grammar of the embedded world: an object of some shape and colour moves over a background.

A scene has four named factors (shape, colour, motion, background) and four continuous ones (where, how large, how far).
Some pairs of shape and colour never occur in the training film, so that a decoder must compose them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHAPES = ("disc", "square", "triangle", "cross", "ring", "star")
COLOURS = ("red", "green", "blue", "yellow", "magenta", "cyan")
MOTIONS = ("left", "right", "up", "down")
BACKGROUNDS = ("sky", "meadow", "desert", "night")
FACTORS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "motion": MOTIONS,
    "background": BACKGROUNDS,
}
CLIP_S = 2.0

# Unit vectors in image coordinates: x to the right, y down.
DIRECTION: dict[str, tuple[float, float]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True)
class Scene:
    """One two-second scene.

    Attributes:
        shape, colour, motion, background: the named factors.
        x, y: centre of the path, as fractions of the frame's width and height.
        size: radius of the object as a fraction of the frame's width.
        travel: length of the path within the clip as a fraction of the frame's width.
    """

    shape: str
    colour: str
    motion: str
    background: str
    x: float
    y: float
    size: float
    travel: float

    def centre(self, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the object's centre at times `time_s` (n,) in seconds from clip onset, as fractions of the frame."""
        along = self.travel * (np.asarray(time_s, dtype=np.float64) / CLIP_S - 0.5)
        dx, dy = DIRECTION[self.motion]
        return self.x + dx * along, self.y + dy * along

    def caption(self) -> str:
        """Return the scene in words."""
        return f"a {self.colour} {self.shape} moving {self.motion} over a {self.background}"


def is_held_out(shape: str, colour: str) -> bool:
    """Say whether this pair of shape and colour occurs only in the test film: one colour per shape."""
    return (SHAPES.index(shape) + COLOURS.index(colour)) % len(COLOURS) == 0


def draw_scene(rng: np.random.Generator, *, allow_held_out: bool = True) -> Scene:
    """Draw a scene, every factor independent and uniform.

    Args:
        rng: source of randomness.
        allow_held_out: also draw the pairs of shape and colour that the training film never shows.
    """
    while True:
        shape, colour = str(rng.choice(SHAPES)), str(rng.choice(COLOURS))
        if allow_held_out or not is_held_out(shape, colour):
            break
    return Scene(
        shape=shape,
        colour=colour,
        motion=str(rng.choice(MOTIONS)),
        background=str(rng.choice(BACKGROUNDS)),
        x=float(rng.uniform(0.32, 0.68)),
        y=float(rng.uniform(0.32, 0.68)),
        size=float(rng.uniform(0.18, 0.22)),
        travel=float(rng.uniform(0.26, 0.36)),
    )


def draw_film(seed: int, n_scenes: int, *, allow_held_out: bool) -> list[Scene]:
    """Draw the scenes of one film segment in order."""
    rng = np.random.default_rng(seed)
    return [draw_scene(rng, allow_held_out=allow_held_out) for _ in range(n_scenes)]


def factor_index(scenes: Sequence[Scene], factor: str) -> np.ndarray:
    """Return each scene's value of `factor` as an index into `FACTORS[factor]`, array of shape (n_scenes,)."""
    values = FACTORS[factor]
    return np.array([values.index(getattr(scene, factor)) for scene in scenes], dtype=np.int64)


def class_names() -> list[str]:
    """Return the names of the video classifier's classes: every shape x colour x motion, in that order."""
    return [f"{colour} {shape} moving {motion}" for shape in SHAPES for colour in COLOURS for motion in MOTIONS]
