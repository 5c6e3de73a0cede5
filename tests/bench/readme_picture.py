"""The README's picture, an animation of truth above reconstruction, from a store that holds a finished demo run.

python -m tests.bench.readme_picture --store store --out assets/demo.gif
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.store.schema import Videos
from brainflix.store.store import Store

N_CLIPS, GAP_PX, SCALE = 6, 4, 2


def sheets(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return one picture for each frame: clips side by side, truth above, uint8 (n_frames, height, width, 3).

    Both arrays are uint8 clips of shape (n_clips, n_frames, height, width, 3).
    """
    rows = []
    for clips in (truth, made):
        padded = np.pad(clips, ((0, 0), (0, 0), (0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255)
        rows.append(np.concatenate(list(padded), axis=2))  # (n_frames, height, n_clips * width, 3)
    return np.concatenate(rows, axis=1)


def main() -> None:
    """Write the middle clips of equal stretches of subject 1's test film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--out", type=Path, default=Path("assets/demo.gif"))
    arguments = parser.parse_args()
    store = Store(arguments.store)
    videos, truth = Videos.load(store.open("videos/demo-sub-1-video")), Videos.load(store.open("targets/demo-frames"))
    chosen = ((np.arange(N_CLIPS) + 0.5) / N_CLIPS * len(videos.clip_ids)).astype(int)
    places = [truth.clip_ids.index(videos.clip_ids[i]) for i in chosen]
    frames = sheets(truth.frames[places], videos.frames[chosen])
    size = (frames.shape[2] * SCALE, frames.shape[1] * SCALE)
    pictures = [Image.fromarray(frame).resize(size, Image.Resampling.NEAREST) for frame in frames]
    first, *rest = (picture.quantize(128, dither=Image.Dither.NONE) for picture in pictures)
    first.save(arguments.out, save_all=True, append_images=rest, duration=round(1000 / videos.fps_hz), loop=0)


if __name__ == "__main__":
    main()
