"""Decoded features: each named dimension's correlation with the truth over time (docs/scoring.md, Features)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.lines import summed
from brainflix.evaluate.nway import Floats
from brainflix.evaluate.ranges import CORRELATION
from brainflix.evaluate.retrieval import near_in_time
from brainflix.evaluate.scene import Film
from brainflix.evaluate.score import Score
from brainflix.evaluate.targets_metrics import profile_correlation

# What stands on the numbers of features, which no paper's protocol has.
NAME = "features"


@dataclass(frozen=True, eq=False)
class Courses:
    """Time courses of named dimensions, decoded and true, each (n_clips, n_dims), clips in the order of the film."""

    prediction: Floats
    truth: Floats
    names: tuple[str, ...]

    @cached_property
    def zscored(self) -> tuple[Floats, Floats]:
        """Both, each dimension with mean 0 and standard deviation 1 over clips; NaN where it is constant."""
        return _zscore(self.prediction), _zscore(self.truth)


def correlation_shares(prediction: NDArray[Any], truth: NDArray[Any]) -> Floats:
    """Return each clip's share of Pearson's r, (n_clips,), the mean of which is r.

    With both z-scored over the clips, the share is r + zx zy - r (zx^2 + zy^2) / 2: the influence that a clip has on r,
    so that the mean's standard error is that of r to first order (Devlin et al. 1975, Biometrika 62:531). NaN
    everywhere where either is constant.

    Args:
        prediction: array of shape (n_clips,).
        truth: array of shape (n_clips,).
    """
    zx, zy = _zscore(prediction[:, None])[:, 0], _zscore(truth[:, None])[:, 0]
    product = zx * zy
    r = product.mean()
    shares: Floats = r + product - r * (zx**2 + zy**2) / 2
    return shares


def dimension_score(courses: Courses, dim: int, design: Design, ceiling: float | None) -> Score:
    """Score one dimension: r, its interval over blocks, and p by circular shifts within runs.

    Args:
        courses: decoded and true.
        dim: place of the dimension.
        design: runs, blocks, and who meets whom.
        ceiling: r of what all people's decoders say together, if that is known.
    """
    prediction, truth = courses.prediction[:, dim], courses.truth[:, dim]
    return _score(correlation_shares(prediction, truth), _products(courses, [dim]), design, ceiling)


def group_score(courses: Courses, dims: Sequence[int], design: Design, ceiling: float | None) -> Score:
    """Score a group of dimensions by the mean of their r; arguments as of `dimension_score`."""
    shares = [correlation_shares(courses.prediction[:, dim], courses.truth[:, dim]) for dim in dims]
    return _score(np.mean(shares, axis=0), _products(courses, dims), design, ceiling)


def identification_apart(
    similarities: Floats, truth: Floats, film: Film, apart_s: float, design: Design, ceiling_from: Floats
) -> Score:
    """Score how often a clip's own features are nearer to what was decoded than those of a clip far away in time.

    Neighbours of a film resemble each other and share the slow answer of the brain: pairs of one run that start within
    `apart_s` of each other are never compared. Equal similarities count half.

    Args:
        similarities: predictions (rows) to true clips (columns), (n_clips, n_clips).
        truth: similarity of the true clips to each other, (n_clips, n_clips).
        film: where clips lie.
        apart_s: least distance in seconds.
        design: who meets whom.
        ceiling_from: what a prediction that knows nothing is similar to, (n_clips, n_clips).
    """
    near = near_in_time(film.segment, film.onset_s, apart_s)
    own, best, mean = (shares_beaten(each, near) for each in (similarities, truth, ceiling_from))
    return summed(
        np.diagonal(own).astype(np.float64),
        design,
        NAME,
        tested=permuted(own, design),
        below={"train_mean": float(np.nanmean(np.diagonal(mean)))},
        ceiling=float(np.nanmean(np.diagonal(best))),
        chance=0.5,
        is_rate=True,
        ranks=True,
    )


def shares_beaten(similarities: Floats, near: NDArray[np.bool_]) -> Floats:
    """Return the share of clips far from clip j that prediction i resembles less than clip j, (n_clips, n_clips).

    Args:
        similarities: predictions (rows) to true clips (columns), (n_clips, n_clips).
        near: symmetric, True on its diagonal; pairs that are not compared, (n_clips, n_clips).
    """
    n = len(similarities)
    far = (~near).sum(axis=0)
    members = [np.flatnonzero(column) for column in near.T]
    most = max(len(each) for each in members)
    # Each clip's neighbours side by side, its own place filling the gaps, which then count as ties and are subtracted.
    index = np.stack([np.pad(each, (0, most - len(each)), constant_values=j) for j, each in enumerate(members)])
    gaps = np.array([most - len(each) for each in members])
    out = np.empty((n, n))
    for row, values in enumerate(similarities):
        ordered = np.sort(values)
        less = np.searchsorted(ordered, values, "left").astype(np.float64)
        equal = np.searchsorted(ordered, values, "right") - less
        beside = values[index]  # (n_clips, most)
        less -= (beside < values[:, None]).sum(axis=1)
        equal -= (beside == values[:, None]).sum(axis=1) - gaps
        out[row] = np.divide(less + equal / 2, far, out=np.full(n, np.nan), where=far > 0)
    return out


def _score(shares: Floats, products: Floats, design: Design, ceiling: float | None) -> Score:
    return summed(
        shares,
        design,
        NAME,
        # There is no test where the prediction or the truth is constant.
        tested=None if np.isnan(products).all() else permuted(products, design),
        ceiling=ceiling,
        chance=0.0,
        within=CORRELATION,
    )


def _products(courses: Courses, dims: Sequence[int]) -> Floats:
    """Return the mean over dimensions of z-scored prediction i times z-scored truth j, (n_clips, n_clips).

    The mean and the spread over all clips stay as they are when clips change places, so that the mean of the products
    of exchanged pairs is their r.
    """
    zx, zy = courses.zscored
    chosen = list(dims)
    # (n_clips, n_dims) @ (n_dims, n_clips) -> (n_clips, n_clips)
    found: Floats = zx[:, chosen] @ zy[:, chosen].T / len(chosen)
    return found


def _zscore(values: NDArray[Any]) -> Floats:
    numbers = np.asarray(values, np.float64)
    centred = numbers - numbers.mean(axis=0)
    spread = numbers.std(axis=0)
    # The spread of equal numbers can miss 0 by rounding, which must not count as variance.
    varies = (spread > 0) & (np.ptp(numbers, axis=0) > 0)
    found: Floats = np.divide(centred, spread, out=np.full(numbers.shape, np.nan), where=varies)
    return found


def ceilings(own: Courses, others: Sequence[Courses]) -> Mapping[str, float]:
    """Return r of the mean of all people's z-scored predictions, this one's among them, by dimension; none alone.

    What one decoder gets wrong at random, the mean over people leaves out: it is what the people's answers say
    together, and no bound that a single decoder could not pass.
    """
    if not others:
        return {}
    predictions = [each.zscored[0] for each in (own, *others)]
    together = profile_correlation(own.truth, np.mean(predictions, axis=0))
    return dict(zip(own.names, together.tolist(), strict=True))
