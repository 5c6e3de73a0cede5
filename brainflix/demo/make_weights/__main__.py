"""Train the tiny weights one after the other; each takes minutes on two cores, all of them two to three hours."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "weights"
# part -> (module, folder below weights/, optimiser steps, None where the part has phases of its own); the generator
# needs the autoencoder and the text tower, the inflated one its layers as well.
PARTS: dict[str, tuple[str, str, int | None]] = {
    "vae": ("vae", "zeroscope/vae", 2200),
    "clip": ("clip", "clip", 1500),
    "classifier": ("classifier", "video-classifier", 2000),
    "unet": ("unet", "zeroscope", None),
    "mindvideo": ("mindvideo", "mindvideo", 1300),
    "blip": ("blip", "blip", 2500),
}


def main() -> None:
    """Parse the command line and train the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--steps", type=int, help="train this many steps instead of the recipe's")
    arguments = parser.parse_args()
    for part in arguments.parts:
        module, below, n_steps = PARTS[part]
        trainer = import_module(f"brainflix.demo.make_weights.{module}")
        trainer.train(arguments.out / below, arguments.steps or n_steps)


if __name__ == "__main__":
    main()
