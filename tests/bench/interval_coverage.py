"""How often does a 95 % interval hold chance when clips are permuted at random? Simulated; needs the demo's store.

    python -m tests.bench.interval_coverage --store store

Predictions of a demo subject are dealt out anew to the clips; each dealing is a world without a link between the two,
whose interval should hold the mean over all mismatched pairs in 95 of 100 cases.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.evaluate.blocks import block_clusters
from brainflix.evaluate.intervals import mean_interval
from brainflix.evaluate.metric import ClipMetric
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics import flow, pixels, ssim
from brainflix.evaluate.parts import SsimParams
from brainflix.evaluate.views import ClipSet, View, sample_flow
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Store

# What these metrics return depends on neither clips nor design.
NOTHING: Any = None
METRICS = {
    "ssim_rgb_u7": ssim.score(SsimParams(), NOTHING, NOTHING)["ssim_rgb_u7"],
    "pixcorr": pixels.pixcorr(MetricParams(), NOTHING, NOTHING)["pixcorr"],
    "flow_cosine": flow.score(MetricParams(), NOTHING, NOTHING)["flow_cosine"],
}
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
    rate = made.fps_hz / float(np.hypot(*made.frames.shape[2:4]))
    truth, prediction = (
        ClipSet(frames, np.stack([sample_flow(View(clip), 0) for clip in frames]), rate)
        for frames in (shown.frames[places], made.frames)
    )
    clusters, rng = block_clusters(clips.segment, clips.onset_s), np.random.default_rng(0)
    for name, metric in METRICS.items():
        assert isinstance(metric, ClipMetric) and metric.pairs is not None
        share = coverage(metric.pairs(truth, prediction), clusters, rng)
        sys.stdout.write(f"{name:12s} interval holds chance in {share:.1%} of {N_DEALS} dealings\n")


if __name__ == "__main__":
    main()
