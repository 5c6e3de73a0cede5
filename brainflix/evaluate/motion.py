"""Tests that ask about motion: time reversal and magnitude-matched permutation (docs/scoring.md, Time reversal).

The published frame-shuffle test asks whether a video is smooth; it is here under that name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.blocks import cluster_sums
from brainflix.evaluate.flow import Floats, Flow, Frames, Grey, farneback
from brainflix.evaluate.permutations import Permuted, from_null, permutation_blocks
from brainflix.scratch import give_back, zeros
from brainflix.wording import count


@dataclass(frozen=True)
class SignTest:
    """How many units score higher as they are than reversed, and the one-sided p that it is by chance.

    Units that score the same both ways carry no sign: they are counted, not tested. `n_nan` clips were undefined.
    """

    n_higher: int
    n_lower: int
    n_equal: int
    n_nan: int
    p: float


def time_reversal_test(forward: Floats, backward: Floats, clusters: NDArray[Any] | None = None) -> SignTest:
    """Test whether predictions match the true motion better than when they are played backwards.

    Reversal keeps every frame, the smoothness and the speed of a prediction, so none of them can make the test
    significant; only the direction of motion in time can. A sign test takes its units as independent: clips of one
    stimulus block are not, so give their blocks.

    Args:
        forward: array of shape (n_clips,), score of each prediction (higher is better), NaN where undefined.
        backward: array of shape (n_clips,), score of its reversal.
        clusters: optional array of shape (n_clips,), stimulus block of each clip; differences are averaged in a block.

    Returns:
        The exact binomial test of "forward is higher" against a fair coin; p is NaN where no unit has a sign.

    Raises:
        DataError: the shapes differ.
    """
    if (
        forward.ndim != 1
        or forward.shape != backward.shape
        or (clusters is not None and clusters.shape != forward.shape)
    ):
        raise DataError(f"scores of shape {forward.shape} and {backward.shape} are not both (n_clips,)")
    difference = forward - backward
    defined = ~np.isnan(difference)
    units = difference[defined]
    if clusters is not None:
        found = cluster_sums(difference, clusters)
        units = found.sums / found.sizes
    higher, lower = int((units > 0).sum()), int((units < 0).sum())
    p = float(stats.binomtest(higher, higher + lower, 0.5, alternative="greater").pvalue) if higher + lower else np.nan
    return SignTest(higher, lower, len(units) - higher - lower, int((~defined).sum()), p)


def speed_bins(speed: Floats, n_bins: int) -> NDArray[np.int64]:
    """Return which bin of speed each clip is in, (n_clips,); all bins hold as many clips, or one more.

    Args:
        speed: array of shape (n_clips,), mean true speed of each clip (`flow.epe_static`), all defined.
        n_bins: how many, 10 for deciles.

    Raises:
        DataError: a speed is not finite, or a bin would hold a single clip, which could only meet itself.
    """
    if speed.ndim != 1 or not np.isfinite(speed).all():
        raise DataError("speeds are not finite numbers, one per clip", next="leave out clips without a defined flow")
    if n_bins < 1 or len(speed) < 2 * n_bins:
        raise DataError(
            f"{count(len(speed), 'clip')} do not fill {n_bins} bins of speed with two each",
            next="use fewer bins or more clips",
        )
    found = np.empty(len(speed), np.int64)
    for number, members in enumerate(np.array_split(np.argsort(speed, kind="stable"), n_bins)):
        found[members] = number
    return found


def magnitude_matched_orders(
    speed: Floats,
    *,
    n_bins: int = 10,
    n_draws: int = 10_000,
    seed: int | np.random.Generator = 0,
    folder: Path | None = None,
) -> NDArray[np.int32]:
    """Draw permutations in which a prediction meets only truths of nearly its own truth's speed.

    Plain permutation can be won by knowing how fast a clip moves; here that knowledge is worth nothing, so a
    significant score needs the direction or the place of motion. Clips are exchanged wherever they lie in time, which
    is right only for clips that are independent of each other.

    Args:
        speed, n_bins: as of `speed_bins`, whose errors it raises.
        n_draws: permutations.
        seed: of the draws.
        folder: takes the orders, which have room there; None holds them in memory.

    Returns:
        Array of shape (n_draws, n_clips): entry [d, i] is the truth that prediction i meets in permutation d.
    """
    bins = speed_bins(speed, n_bins)
    generator = np.random.default_rng(seed)
    # A clip after another, as they are read.
    met = zeros((len(speed), n_draws), np.int32, folder)
    for number in range(n_bins):
        members = np.flatnonzero(bins == number)
        members = members[np.argsort(speed[members], kind="stable")]
        for draws, orders in permutation_blocks(len(members), n_draws, generator):
            met[members, draws] = members[orders].T
        give_back(met)
    return met.T


def smoothness_test(errors: Floats, *, n_draws: int = 100, seed: int | np.random.Generator = 0) -> Permuted:
    """Test whether shuffling the frames of all predictions, in one order for all, raises their end-point error.

    Published as a test of decoded motion. It is not one: a smooth video has small flow, its shuffled frames have large
    flow, and of two flows without relation to the truth the small one has the smaller error. On released videos it was
    significant in 20 of 20 sets of deliberately mismatched clips. A small p says that the predictions are smooth, and
    nothing about the brain, the direction of motion, or whether a prediction belongs to its clip; for that use
    `time_reversal_test` or `magnitude_matched_orders`. Unlike in the published script the identity is never drawn, and
    p cannot be 0.

    Args:
        errors: array of shape (n_clips, n_steps, n_frames, n_frames), `jump_errors` of each clip.
        n_draws: shuffles; all n_frames! - 1 of them where there are no more.
        seed: of the draws.

    Returns:
        Observed mean end-point error, that of shuffled predictions, and p = P(shuffled <= observed).

    Raises:
        DataError: there are fewer than three frames, too few to shuffle.
    """
    n_frames = errors.shape[-1]
    if errors.ndim != 4 or n_frames < 3:
        raise DataError(f"{count(n_frames, 'frame')} cannot be shuffled", why="it takes at least 3")
    mean = errors.mean(axis=0)
    shuffles = _shuffles(n_frames, n_draws, seed)
    steps = np.arange(n_frames - 1)
    null = mean[steps, shuffles[:, :-1], shuffles[:, 1:]].mean(axis=1)
    observed = float(mean[steps, steps, steps + 1].mean())
    return from_null(observed, null, higher_is_better=False, n_group=math.factorial(n_frames))


def jump_errors(truth: Flow, prediction: Frames, grey: Grey = "rgb") -> Floats:
    """Return each step's end-point error if predicted frame b followed frame a.

    Args:
        truth: array of shape (n_frames - 1, height, width, 2), true flow in pixels per step.
        prediction: array of shape (n_frames, height, width, 3), uint8 RGB.
        grey: as in `flow.farneback`.

    Returns:
        Array of shape (n_frames - 1, n_frames, n_frames), entry [step, a, b], NaN where a = b.

    Raises:
        DataError: the flow is not that of as many frames.
    """
    n = len(prediction)
    if len(truth) != n - 1:
        raise DataError(f"{len(truth)} steps of flow do not go with {n} frames")
    errors = np.full((n - 1, n, n), np.nan)
    for a, b in permutations(range(n), 2):
        jump = farneback(prediction[[a, b]], grey)[0]
        errors[:, a, b] = np.linalg.norm(truth - jump, axis=-1).mean(axis=(1, 2), dtype=np.float64)
    return errors


def _shuffles(n_frames: int, n_draws: int, seed: int | np.random.Generator) -> NDArray[np.int64]:
    """Return orders of frames but the identity, (n_shuffles, n_frames): each once if they are few, else drawn."""
    if n_draws < 1:
        raise UsageError(f"{n_draws} shuffles make no test")
    if math.factorial(n_frames) - 1 <= n_draws:
        return np.array(list(permutations(range(n_frames)))[1:], np.int64)
    generator = np.random.default_rng(seed)
    orders = np.tile(np.arange(n_frames, dtype=np.int64), (n_draws, 1))
    while (same := (orders == np.arange(n_frames)).all(axis=1)).any():
        orders[same] = generator.permuted(orders[same], axis=1)
    return orders
