"""Which grayordinates answer a film the same way twice: split-half correlation, t-test over runs, selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from brainflix.errors import DataError, UsageError

Floats = NDArray[np.float64]
Rule = Literal["bonferroni", "top", "top-clipped"]
RULES: tuple[Rule, ...] = ("bonferroni", "top", "top-clipped")

#: |r| is held below 1, so that two identical repeats have a finite Fisher z (about 17).
_MAX_R = 1.0 - 1e-15


@dataclass(frozen=True, eq=False)
class Reliability:
    """Test of the mean Fisher z of each grayordinate against 0, over runs.

    Attributes:
        t: array of shape (n_grayordinates,); NaN where the statistic is undefined.
        p: array of shape (n_grayordinates,); 1 where the statistic is undefined, so such a vertex never passes.
        z_mean: mean Fisher z, array of shape (n_grayordinates,).
        two_sided: whether reliably opposite answers count as well.
    """

    t: Floats
    p: Floats
    z_mean: Floats
    two_sided: bool = False


def run_z(first: NDArray[Any], second: NDArray[Any], *, column_tile: int = 512) -> Floats:
    """Return the Fisher z of the correlation over time of two repeats of one run.

    Args:
        first: array of shape (n_volumes, n_grayordinates).
        second: array of the same shape.
        column_tile: columns handled at a time; it bounds memory and does not change the result.

    Returns:
        Array of shape (n_grayordinates,), NaN where a repeat is constant.

    Raises:
        DataError: if the shapes differ or there are fewer than three volumes.
    """
    if first.ndim != 2 or first.shape != second.shape or first.shape[0] < 3:
        raise DataError(f"two repeats of a run need equal shapes of 3 or more volumes: {first.shape}, {second.shape}")
    z = np.empty(first.shape[1])
    for start in range(0, z.size, column_tile):
        part = slice(start, start + column_tile)
        a, b = (_unit(np.asarray(x[:, part], np.float64)) for x in (first, second))
        z[part] = np.arctanh(np.clip((a * b).sum(axis=0), -_MAX_R, _MAX_R))
    return z


def reliability_t(z: NDArray[Any], *, two_sided: bool = False) -> Reliability:
    """Test over runs whether the mean Fisher z of each grayordinate exceeds 0 (Wen et al. 2018, movie reproducibility).

    One-sided, because a vertex whose repeats are reliably opposite carries no repeatable signal; the two-sided test
    of Mind-Animator's code lets those pass.

    Args:
        z: array of shape (n_runs, n_grayordinates), `run_z` of each run.
        two_sided: use the two-sided p.

    Raises:
        DataError: if there are fewer than two runs.
    """
    z = np.asarray(z, np.float64)
    if z.ndim != 2 or z.shape[0] < 2:
        raise DataError(f"a t-test over runs needs an array of shape (n_runs >= 2, n_grayordinates), not {z.shape}")
    n_runs = z.shape[0]
    z_mean = z.mean(axis=0)
    spread = z.std(axis=0, ddof=1) / np.sqrt(n_runs)
    # Equal z in all runs: the limit of t is infinite with the sign of the mean. A vertex that never varies is NaN.
    flat = (spread <= 1e-14 * np.abs(z_mean)) & (z_mean != 0)
    t = np.full(z_mean.shape, np.nan)
    np.divide(z_mean, spread, out=t, where=(spread > 0) & ~flat)
    t[flat] = np.sign(z_mean[flat]) * np.inf
    p = 2.0 * stats.t.sf(np.abs(t), n_runs - 1) if two_sided else stats.t.sf(t, n_runs - 1)
    return Reliability(t, np.where(np.isnan(t), 1.0, p), z_mean, two_sided)


def select(
    reliability: Reliability, rule: Rule = "bonferroni", *, alpha: float = 0.05, n: int | None = None
) -> NDArray[np.bool_]:
    """Choose grayordinates by their reliability over training runs.

    Args:
        reliability: result of `reliability_t`.
        rule: "bonferroni" keeps p < alpha / n_grayordinates; "top" keeps the n largest t (the n largest |t| of a
            two-sided test); "top-clipped" ranks by the corrected p clipped at 1, whose ties go by index:
            Mind-Animator's released behaviour, which prefers the left hemisphere once n exceeds the significant ones.
        alpha: familywise level of "bonferroni".
        n: how many to keep with "top" and "top-clipped".

    Returns:
        Mask of shape (n_grayordinates,). With the one-sided test "top" keeps fewer than n where fewer have t > 0.

    Raises:
        UsageError: if the rule is unknown, or alpha or n is missing or out of range.
    """
    t, p = reliability.t, reliability.p
    if rule == "bonferroni":
        if not 0 < alpha < 1:
            raise UsageError(f"alpha must lie between 0 and 1, not {alpha}")
        return np.asarray(p < alpha / p.size, np.bool_)
    if rule not in RULES:
        raise UsageError(f"unknown selection rule {rule!r}", next=f"use one of {', '.join(RULES)}")
    if n is None or not 1 <= n <= t.size:
        raise UsageError(f"rule {rule!r} needs n between 1 and {t.size}, not {n}")
    if rule == "top-clipped":
        rank, eligible = -np.minimum(1.0, p * p.size), np.ones(t.shape, np.bool_)
    else:
        rank = np.abs(t) if reliability.two_sided else t
        eligible = rank > 0
    order = np.argsort(np.where(eligible, -rank, np.inf), kind="stable")[:n]
    mask = np.zeros(t.shape, np.bool_)
    mask[order] = True
    return mask & eligible


def _unit(x: Floats) -> Floats:
    """Columns centred and scaled to length 1; NaN where a column is constant."""
    centred = x - x[0]
    flat = ~centred.any(axis=0)
    centred -= centred.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(flat | (length == 0), np.nan, length), np.float64)
