"""Count what p and intervals promise, on data sets without signal, beside the bounds of docs/scoring.md, Error rates.

    python -m tests.bench.calibration [--sets 1000] [--seeds 3] [--json PATH]

Predictions and truth are independent series of 20 dimensions, AR(1) from one clip of 2 s to the next (tests/evaluate/
worlds.py). A rejection is a p of 0.05 (or 0.01) or less. Shares are means over seeds, each of so many data sets: of
1000 alone a share of 0.05 scatters by 0.007. Exits with 1 if a number lies outside its bounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from brainflix.evaluate.blocks import block_clusters
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.comparison import sign_flip_test
from brainflix.evaluate.design import Settings, apart
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.vectors import match, score_match
from tests.evaluate.worlds import Floats, autoregressive, coverage, design, film, matrix, p_values


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


def rivals(n_sets: int, seed: int) -> Iterator[Promise]:
    """Yield how often tests that are not ours reject: rotations by 20 s or more only, and orders of single clips."""
    for name, sizes in (("2 x 60", [60, 60]), ("4 x 40", [40] * 4)):
        generator, far, alone = np.random.default_rng(seed), [], []
        free = apart(np.arange(sum(sizes)), Settings(permutations=199))
        for _ in range(n_sets):
            scores = matrix(generator, sizes, 0.8)
            far.append(far_shifts(scores, sizes, generator))
            alone.append(permuted(scores, free).p)
        for said, p in (("rotations by 20 s or more only", far), ("orders of single clips", alone)):
            yield Promise(f"{said}, p <= 0.05, {name}, AR 0.8", float(np.mean(np.array(p) <= 0.05)), 0.08, 1.0)


def far_shifts(scores: Floats, sizes: Sequence[int], generator: np.random.Generator, n_draws: int = 1999) -> float:
    """Return p against rotations by 10 clips or more, which with the observed pairing are no group."""
    null, observed, start = np.zeros(n_draws), 0.0, 0
    for size in sizes:
        own, places = scores[start : start + size], np.arange(size)
        sums = np.array([own[places, start + (places + k) % size].sum() for k in range(size)])
        null, observed, start = null + sums[generator.integers(10, size - 9, n_draws)], observed + sums[0], start + size
    return (1 + np.count_nonzero(null >= observed)) / (1 + n_draws)


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
        drawn = len(shared.exchanges.orders)
        if drawn:
            spent = time.process_time() - start
            yield Promise(f"CPU seconds to draw {drawn} orders of {name}, once a table", spent, 0, 1.0)
        start = time.process_time()
        permuted(scores, shared)
        yield Promise(f"CPU seconds for p and chance of 1200 x 1200, {name}", time.process_time() - start, 0, 0.5)
    start = time.process_time()
    cluster_bootstrap(values, np.arange(1200) // 10)
    yield Promise("CPU seconds for 10 000 bootstraps of 120 blocks", time.process_time() - start, 0, 1.0)


def pooled(part: Callable[[int], Iterator[Promise]], n_seeds: int) -> Iterator[Promise]:
    """Yield each promise with the mean of what was measured over seeds."""
    for same in zip(*(part(seed) for seed in range(n_seeds)), strict=True):
        yield replace(same[0], measured=float(np.mean([each.measured for each in same])))


def main() -> None:
    """Print one line for each promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[Promise] = []
    counted = [partial(part, options.sets) for part in (rejections, rivals, intervals, differences)]
    for part in (exactness(0), costs(), *(pooled(each, options.seeds) for each in counted)):
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
