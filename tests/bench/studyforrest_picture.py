"""The README's picture of real brains, from a store that holds a finished studyforrest run.

python -m tests.bench.studyforrest_picture --store store --out assets/studyforrest.png
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from brainflix.store.store import Store

DRAWN = {"speech": "speech", "rms_log": "loudness", "norm_diff": "visual change"}
TR_S, STEP = 2.0, "own"


def main() -> None:
    """Draw three dimensions of subject 1 over both tested runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--out", type=Path, default=Path("assets/studyforrest.png"))
    asked = parser.parse_args()
    store = Store(asked.store)
    scores = store.open(store.resolve("scores/studyforrest-sample-sub-1"))
    document = scores.json("scores.json")
    about, lines = document["courses"], document["scores"]
    truth, said = (scores.load(f"courses/{STEP}/{side}") for side in ("truth", "prediction"))
    runs = np.array(about["segment"])
    cuts = [0, *(np.flatnonzero(runs[1:] != runs[:-1]) + 1).tolist(), len(runs)]
    figure = Figure(figsize=(10, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots(
        len(DRAWN), len(cuts) - 1, sharex="col", sharey=True, width_ratios=[b - a for a, b in pairwise(cuts)]
    )
    for row, (name, words) in zip(axes, DRAWN.items(), strict=True):
        dim = about["steps"][STEP].index(name)
        for axis, (start, stop) in zip(row, pairwise(cuts), strict=True):
            minutes = np.array(about["onset_s"][start:stop]) / 60
            axis.plot(minutes, truth[start:stop, dim], color="#7a828d", linewidth=1.1)
            axis.plot(minutes, said[start:stop, dim], color="#d1482f", linewidth=1.1)
            axis.set(ylim=(-3, 3), yticks=[], xlim=(minutes[0], minutes[-1]))
            axis.spines[["top", "right", "left"]].set_visible(False)
        row[0].set_title(f"{words}, r = {lines[f'r_{name}_{STEP}']['value']:.2f}", loc="left", fontsize=10)
    for axis, start in zip(axes[-1], cuts[:-1], strict=True):
        axis.set_xlabel(f"minutes of {runs[start]}")
    figure.savefig(asked.out)


if __name__ == "__main__":
    main()
