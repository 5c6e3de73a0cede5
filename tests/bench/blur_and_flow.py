"""Why flow cosine may prefer a blurred copy: perfect renderings of the demo's test scenes, only misplaced.

    python -m tests.bench.blur_and_flow

Every rendering moves the right way and is sharp; only where the object is differs, by a normal error. What is printed
is the flow cosine of these renderings and of the same ones under the `blurred` baseline.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from brainflix.datasets.demo.parts import DemoParams
from brainflix.demo.render import frame_times, render
from brainflix.demo.world import segments
from brainflix.evaluate.baselines import blurred
from brainflix.evaluate.flow import farneback, flow_cosine

ERRORS = (0.0, 0.03, 0.06, 0.1)
N_FRAMES, FPS_HZ, SIZE_PX = 8, 4.0, 64


def main() -> None:
    """Print one line per size of the error, as a share of the frame's width."""
    films = segments(DemoParams().model_dump())
    scenes = [scene for name, film in films.items() if name.startswith("test") for scene in film]
    times, rng = frame_times(N_FRAMES, FPS_HZ), np.random.default_rng(0)
    truth = [farneback(render(scene, times, SIZE_PX)) for scene in scenes]
    for error in ERRORS:
        moved = [replace(s, x=s.x + error * rng.normal(), y=s.y + error * rng.normal()) for s in scenes]
        sharp = np.stack([render(scene, times, SIZE_PX) for scene in moved])
        own, soft = (
            np.nanmean([flow_cosine(true, farneback(video)) for true, video in zip(truth, videos, strict=True)])
            for videos in (sharp, blurred(sharp))
        )
        sys.stdout.write(f"position error {error:.2f} of the width: flow cosine {own:.3f}, blurred {soft:.3f}\n")


if __name__ == "__main__":
    main()
