"""Count what p and intervals promise, on data sets without signal, beside the bounds of docs/scoring.md, Error rates.

    python -m tests.bench.calibration [--sets 1000] [--seed 1] [--json PATH]

Predictions and truth are independent series of 20 dimensions, AR(1) from one clip of 2 s to the next (tests/evaluate/
worlds.py). A rejection is a p of 0.05 (or 0.01) or less. Exits with 1 if a number lies outside its bounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from brainflix.evaluate.blocks import block_clusters
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.comparison import sign_flip_test
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.vectors import match, score_match
from tests.evaluate.worlds import autoregressive, coverage, design, film, matrix, p_values


@dataclass(frozen=True)
class Promise:
    """What was measured, and the bounds that it must lie within."""

    what: str
    measured: float
    least: float
    most: float

    @property
    def is_kept(self) -> bool:
        """Whether the measured number lies within the bounds."""
        return self.least <= self.measured <= self.most


def rejections(n_sets: int, seed: int) -> Iterator[Promise]:
    """Yield how often data sets without signal are called significant."""
    for name, sizes, rho, least, most in (
        ("2 x 60, AR 0.8", [60, 60], 0.8, 0.036, 0.064),
        ("2 x 60, AR 0.5", [60, 60], 0.5, 0.036, 0.064),
        ("4 x 40, AR 0.8", [40] * 4, 0.8, 0.036, 0.070),
        ("1 x 120, AR 0.8", [120], 0.8, 0.036, 0.075),
        ("102 films of one clip", [1] * 102, 0.0, 0.036, 0.064),
    ):
        p = p_values(sizes, rho, n_sets, seed)
        yield Promise(f"p <= 0.05, {name}", float(np.mean(p <= 0.05)), least, most)
        if rho == 0.8 and sizes == [60, 60]:
            yield Promise(f"p <= 0.01, {name}", float(np.mean(p <= 0.01)), 0.0, 0.020)
    p = p_values([240] * 5, 0.8, max(1, n_sets * 3 // 10), seed)
    yield Promise("p <= 0.05, 5 x 240, AR 0.8, three tenths of the sets", float(np.mean(p <= 0.05)), 0.0, 0.088)
    generator = np.random.default_rng(seed)
    few = [
        permuted(matrix(generator, [60, 60], 0.8), design([60, 60], permutations=199, seed=number)).p
        for number in range(n_sets)
    ]
    yield Promise("p <= 0.05, 2 x 60, AR 0.8, 199 draws", float(np.mean(np.array(few) <= 0.05)), 0.036, 0.064)


def intervals(n_sets: int, seed: int) -> Iterator[Promise]:
    """Yield how often 95 % intervals hold the mean of scores that go together from clip to clip."""
    for name, sizes, rho, least, most in (
        *(("2 x 60", [60, 60], rho, 0.93, 0.98) for rho in (0.0, 0.5)),
        *(("5 x 240", [240] * 5, rho, 0.93, 0.97) for rho in (0.0, 0.5, 0.64)),
    ):
        yield Promise(f"interval holds the mean, {name}, AR {rho:g}", coverage(sizes, rho, n_sets, seed), least, most)
    plain = coverage([240] * 5, 0.64, n_sets, seed, neighbours=False)
    yield Promise("the same without neighbours, 5 x 240, AR 0.64", plain, 0.0, 0.94)


def differences(n_sets: int, seed: int) -> Iterator[Promise]:
    """Yield how often two equal systems are called different."""
    sizes, n_flips = [240] * 5, 1999
    clusters = block_clusters(*film(sizes))
    for rho, most in ((0.0, 0.075), (0.5, 0.085), (0.64, 0.095)):
        generator, p = np.random.default_rng(seed), []
        for number in range(n_sets):
            values = np.concatenate([autoregressive(generator, size, rho)[:, 0] for size in sizes])
            p.append(sign_flip_test(values, clusters, n_draws=n_flips, seed=number).p)
        share = float(np.mean(np.array(p) <= 0.05))
        yield Promise(f"sign flips of blocks, p <= 0.05, 5 x 240, AR {rho:g}", share, 0.03, most)


def exactness(seed: int) -> Iterator[Promise]:
    """Yield what holds without chance."""
    best = permuted(np.eye(120), design([60, 60]))
    yield Promise("p of the unique best of 2 x 60, times 3600", best.p * 3600, 1, 1)
    yield Promise("n_group of 2 x 60", best.n_group, 3600, 3600)
    yield Promise("p where all pairs score the same", permuted(np.full((120, 120), 0.3), design([60, 60])).p, 1, 1)
    generator = np.random.default_rng(seed)
    scores = matrix(generator, [60, 60], 0.8) + 5 * np.eye(120)
    order = np.concatenate([np.roll(np.arange(60), 7), 60 + np.arange(60)])
    rolled = permuted(scores[np.ix_(order, order)], design([60, 60])).p - permuted(scores, design([60, 60])).p
    yield Promise("change of p by a joint roll", rolled, 0, 0)
    near = permuted(scores, design([60, 60], min_shift_s=2)).p - permuted(scores, design([60, 60])).p
    yield Promise("change of p by another least distance", near, 0, 0)
    truth, training = generator.standard_normal((60, 20)), generator.standard_normal((200, 20))
    found = score_match(match(truth, truth, training), design([60]), 1)
    yield Promise("chance of perfect top-1 retrieval among 60, times 60", found.chance_analytic * 60, 1, 1)
    yield Promise("  which counts, and not that of strangers, which is", found.chance, 0, 0)
    yield Promise("  (1 if theory counts)", float(found.chance_from == "theory"), 1, 1)


def costs() -> Iterator[Promise]:
    """Yield seconds of one processor."""
    scores, values = np.random.default_rng(0).standard_normal((1200, 1200)), np.random.default_rng(1).random(1200)
    for name, sizes in (("5 x 240", [240] * 5), ("1200 films", [1] * 1200)):
        shared = design(sizes)
        start = time.process_time()
        permuted(scores, shared)
        yield Promise(f"CPU seconds for p and chance of 1200 x 1200, {name}", time.process_time() - start, 0, 0.5)
    start = time.process_time()
    cluster_bootstrap(values, np.arange(1200) // 10)
    yield Promise("CPU seconds for 10 000 bootstraps of 120 blocks", time.process_time() - start, 0, 1.0)


def main() -> None:
    """Print one line for each promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[Promise] = []
    for part in (
        exactness(options.seed),
        costs(),
        rejections(options.sets, options.seed),
        intervals(options.sets, options.seed),
        differences(options.sets, options.seed),
    ):
        for each in part:
            found.append(each)
            kept = "kept" if each.is_kept else "BROKEN"
            sys.stdout.write(f"{each.what:62s} {each.measured:8.4f}   {each.least:g} to {each.most:g}   {kept}\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    sys.exit(0 if all(each.is_kept for each in found) else 1)


if __name__ == "__main__":
    main()
