"""The README's picture and table, from a store that holds a finished demo run.

python -m tests.bench.readme_results --store store --picture assets/demo.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.evaluate.baselines import BASELINES
from brainflix.store.schema import Videos
from brainflix.store.store import Store

SUBJECTS = (1, 2, 3)
SHOWN = ("nway_2", "nway_50", "ssim_excess", "pixcorr", "flow_cosine", "identification_z", "identification_clip")
# Oracles: a scale to read by, which no decoder need beat. Copies: the prediction itself, blurred or frozen.
SEE_TRUTH = frozenset(baseline.name for baseline in BASELINES if baseline.sees_truth)
COPIES = frozenset(b.name for b in BASELINES if b.sees_brain and b.name != "mismatched")
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
    """Return the scores of all subjects as Markdown."""
    documents = {s: store.open(f"scores/demo-sub-{s}").json("scores.json")["scores"] for s in SUBJECTS}
    lines = [
        "| metric (simulated data) | chance | "
        + " | ".join(f"subject {s}" for s in SUBJECTS)
        + " | best baseline | best copy | oracle |"
    ]
    lines.append("|---|---|" + "---|" * (len(SUBJECTS) + 3))
    for name in SHOWN:
        scores = [documents[s][name] for s in SUBJECTS]
        values = " | ".join(f"{s['value']:.3f} [{s['ci95'][0]:.3f}, {s['ci95'][1]:.3f}]" for s in scores)
        known = [{k: v for k, v in s["baselines"].items() if v is not None} for s in scores]
        blind = max(v for each in known for k, v in each.items() if k not in COPIES | SEE_TRUTH)
        copies = [[v for k, v in each.items() if k in COPIES] for each in known]
        copied = " / ".join(f"{max(c):.3f}" for c in copies) if all(copies) else "-"
        # Adding 0 turns -0.0 into 0.0.
        chance, ceiling = round(scores[0]["chance"], 3) + 0.0, scores[0]["ceiling"]
        lines.append(f"| {name} | {chance:.3f} | {values} | {blind:.3f} | {copied} | {ceiling:.3f} |")
    return "\n".join(lines)


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
