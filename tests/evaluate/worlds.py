"""Worlds without signal in which the promises of p and of intervals are counted: small in the tests, whole in `bench`.

Predictions and truth are independent series, each AR(1) from clip to clip and started from its stationary law. So
neighbouring clips are alike on both sides, and nothing links the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.blocks import block_clusters
from brainflix.evaluate.design import Design, Settings, by_film
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.intervals import mean_interval

Floats = NDArray[np.float64]
CLIP_S, DIMS = 2.0, 20


def autoregressive(generator: np.random.Generator, n: int, rho: float, dims: int = 1) -> Floats:
    """Return a stationary AR(1) series of variance 1, (n, dims)."""
    series = generator.standard_normal((n, dims))
    for t in range(1, n):
        series[t] = rho * series[t - 1] + np.sqrt(1 - rho**2) * series[t]
    return series


def film(sizes: Sequence[int]) -> tuple[list[str], Floats]:
    """Return segment and onset of clips of 2 s, `sizes` of them in each segment."""
    segment = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return segment, np.concatenate([CLIP_S * np.arange(size) for size in sizes])


def design(sizes: Sequence[int], **chosen: float) -> Design:
    """Return the design of such a film."""
    return by_film(*film(sizes), Settings(**chosen))  # type: ignore[arg-type]


def matrix(generator: np.random.Generator, sizes: Sequence[int], rho: float) -> Floats:
    """Return the similarity of every prediction with every truth, (n_clips, n_clips)."""
    sides = [np.concatenate([autoregressive(generator, size, rho, DIMS) for size in sizes]) for _ in range(2)]
    return sides[0] @ sides[1].T


def p_values(sizes: Sequence[int], rho: float, n_sets: int, seed: int) -> Floats:
    """Return p of so many data sets without signal, (n_sets,)."""
    generator, shared = np.random.default_rng(seed), design(sizes)
    return np.array([permuted(matrix(generator, sizes, rho), shared).p for _ in range(n_sets)])


def coverage(sizes: Sequence[int], rho: float, n_sets: int, seed: int, *, neighbours: bool = True) -> float:
    """Return how often the default interval holds the mean of scores that are AR(1) from clip to clip.

    Without neighbours it is plain Student's t over blocks.
    """
    generator, clusters = np.random.default_rng(seed), block_clusters(*film(sizes))
    held = 0
    for _ in range(n_sets):
        values = np.concatenate([autoregressive(generator, size, rho)[:, 0] for size in sizes])
        interval = mean_interval(values, clusters if neighbours else 2 * clusters)
        held += interval.lo <= 0 <= interval.hi
    return held / n_sets
