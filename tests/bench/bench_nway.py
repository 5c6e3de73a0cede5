"""Time the closed form of N-way accuracy against the literal loop of 100 trials (`--json PATH` writes the table)."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import nway


def loop(
    logits: NDArray[np.float32], classes: NDArray[np.int64], n: int, trials: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw distractors trial by trial, as the published scripts do, array of shape (n_clips,)."""
    result = np.empty(len(logits))
    for clip, (scores, truth) in enumerate(zip(logits, classes, strict=True)):
        pool = np.array([c for c in range(len(scores)) if c not in set(truth.tolist())])
        hits = 0
        for _ in range(trials):
            drawn = scores[generator.choice(pool, n - 1, replace=False)]
            hits += any((drawn >= scores[c]).sum() == 0 for c in truth)
        result[clip] = hits / trials
    return result


def measure(n_clips: int, n_classes: int, n: int, trials: int, seed: int) -> dict[str, Any]:
    """Run both on the same logits; seconds, means, and the largest deviation in Monte Carlo standard errors."""
    generator = np.random.default_rng(seed)
    truth = generator.standard_normal((n_clips, n_classes), dtype=np.float32)
    logits = truth + 1.5 * generator.standard_normal((n_clips, n_classes), dtype=np.float32)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        exact = nway.accuracy(nway.count(logits, nway.truth_classes(truth, 3)), n, ties="lose")
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    sampled = loop(logits, nway.truth_classes(truth, 3), n, trials, generator)
    loop_s = time.perf_counter() - start
    error = np.sqrt((exact * (1 - exact)).sum() / trials) / n_clips
    return {
        "n_clips": n_clips,
        "n_classes": n_classes,
        "n": n,
        "trials": trials,
        "closed_s": min(seconds),
        "loop_s": loop_s,
        "ratio": loop_s / min(seconds),
        "closed_mean": float(exact.mean()),
        "loop_mean": float(sampled.mean()),
        "z": float((sampled.mean() - exact.mean()) / error),
    }


def main() -> None:
    """Print one row per setting; write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1200)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'classes':>8} {'n':>4} {'closed s':>10} {'loop s':>8} {'ratio':>7} {'closed':>8} {'loop':>8} {'z':>6}")
    for n_classes, n in [(400, 2), (400, 50), (1000, 2), (1000, 50)]:
        row = measure(options.clips, n_classes, n, options.trials, options.seed)
        rows.append(row)
        print(
            f"{n_classes:8d} {n:4d} {row['closed_s']:10.4f} {row['loop_s']:8.2f} {row['ratio']:7.0f} "
            f"{row['closed_mean']:8.4f} {row['loop_mean']:8.4f} {row['z']:6.2f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
