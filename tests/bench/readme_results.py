"""The README's picture and the demo's table, from a store that holds a finished demo run.

python -m tests.bench.readme_results --store store --picture assets/demo.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.store.schema import Videos
from brainflix.store.store import Store
from tests.bench.results import score_table

SUBJECTS = (1, 2, 3)
FRAMES, GAP = (0, 2, 5, 7), 6


def picture(store: Store, path: Path, n_clips: int = 6, scale: int = 2) -> None:
    """Draw the middle clips of equal stretches of subject 1's test film: frames of truth and reconstruction."""
    videos, truth = Videos.load(store.open("videos/demo-sub-1-video")), Videos.load(store.open("targets/demo-frames"))
    place = {clip_id: i for i, clip_id in enumerate(truth.clip_ids)}
    chosen = ((np.arange(n_clips) + 0.5) / n_clips * len(videos.clip_ids)).astype(int)
    cells = []
    for i in chosen:
        strips = [
            np.concatenate(list(v[list(FRAMES)]), axis=1)
            for v in (truth.frames[place[videos.clip_ids[i]]], videos.frames[i])
        ]
        gap = np.full((strips[0].shape[0], GAP, 3), 255, np.uint8)
        cells.append(np.concatenate([strips[0], gap, strips[1]], axis=1))
    wide = np.full((cells[0].shape[0], 4 * GAP, 3), 255, np.uint8)
    rows = [np.concatenate([a, wide, b], axis=1) for a, b in zip(cells[::2], cells[1::2], strict=True)]
    between = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for row in rows for part in (row, between)][:-1])
    Image.fromarray(sheet).resize((sheet.shape[1] * scale, sheet.shape[0] * scale), Image.Resampling.NEAREST).save(path)


def table(store: Store) -> str:
    """Return the scores of all subjects as Markdown, as docs/results.md has them."""
    return score_table({str(s): store.open(f"scores/demo-sub-{s}").json("scores.json")["scores"] for s in SUBJECTS})


def main() -> None:
    """Write the picture and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--picture", type=Path, default=Path("assets/demo.png"))
    arguments = parser.parse_args()
    picture(Store(arguments.store), arguments.picture)
    sys.stdout.write(table(Store(arguments.store)) + "\n")


if __name__ == "__main__":
    main()
