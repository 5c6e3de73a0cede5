"""How often does a 95 % interval hold chance when clips are permuted at random? Simulated; needs the demo's store.

    python -m tests.bench.interval_coverage --store store

Predictions of a demo subject are dealt out anew to the clips; each dealing is a world without a link between the two,
whose interval should hold the mean over all mismatched pairs in 95 of 100 cases.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from brainflix.evaluate.bootstrap import block_clusters, mean_interval
from brainflix.evaluate.systems import System
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Store

METRICS = ("ssim_rgb_u7", "pixcorr", "flow_cosine")
N_DEALS = 3000


def coverage(matrix: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> float:
    """Return the share of dealings whose interval holds the mean of the mismatched pairs of `matrix` (n, n)."""
    n = len(matrix)
    chance = np.nanmean(np.where(np.eye(n, dtype=bool), np.nan, matrix))
    dealt = (mean_interval(matrix[np.arange(n), rng.permutation(n)], clusters) for _ in range(N_DEALS))
    return float(np.mean([each.lo <= chance <= each.hi for each in dealt]))


def main() -> None:
    """Print one line for each metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--subject", type=int, default=1)
    arguments = parser.parse_args()
    store = Store(arguments.store)
    source = store.open("targets/demo-frames")
    made = Videos.load(store.open(f"videos/demo-sub-{arguments.subject}-video"))
    shown, table = Videos.load(source), Clips.load(source)
    places = table.places(made.clip_ids)
    clips = table.take(places)
    # Pixels and flow ask nothing of a classifier.
    truth, prediction = (
        System(name, frames, None, made.fps_hz)  # type: ignore[arg-type]
        for name, frames in (("truth", shown.frames[places]), ("prediction", made.frames))
    )
    clusters, rng = block_clusters(clips.segment, clips.onset_s), np.random.default_rng(0)
    for metric in METRICS:
        share = coverage(prediction.matrix(metric, truth), clusters, rng)
        sys.stdout.write(f"{metric:12s} interval holds chance in {share:.1%} of {N_DEALS} dealings\n")


if __name__ == "__main__":
    main()
