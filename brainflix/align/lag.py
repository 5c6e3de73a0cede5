"""Which volume answers a clip: how well a film explains responses at each delay.

Published trims of CC2017 contain the haemodynamic delay (docs/datasets.md, CC2017 trim), by inference. Here it
is looked at: on untrimmed runs, so that a delay that the trim already contains is not taken for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

LAGS_TR = tuple(range(-2, 7))
_N_BOOTSTRAPS, _LEAST_SHIFT = 2000, 5


@dataclass(frozen=True, eq=False)
class LagScan:
    """How much of the responses a film explains at each delay.

    Attributes:
        delays_s: from a clip's onset to the volume, (n_lags,).
        explained: squared correlation, mean over features, columns and runs, (n_lags,).
        low, high: 95 % interval over runs, (n_lags,).
        chance: what the best delay reaches in 95 % of films shifted in time.
        p: how often a shifted film explains as much at its best delay.
        best_s: delay of the peak, between volumes by the parabola through its neighbours.
        n_runs: runs that it was measured on.
    """

    delays_s: NDArray[np.float64]
    explained: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    chance: float
    p: float
    best_s: float
    n_runs: int


def lag_scan(
    runs: Sequence[tuple[NDArray[Any], NDArray[Any], int]],
    tr_s: float,
    *,
    seed: int,
    lags_tr: Sequence[int] = LAGS_TR,
    n_shifts: int = 200,
) -> LagScan:
    """Correlate what a film shows with all volumes of its runs, at each delay.

    Args:
        runs: of each, features of the film's clips (n_clips, n_features), detrended volumes (n_volumes, n_columns), and
            how many volumes the film had begun before the first one (1 where the run lacks its first volume).
        tr_s: time between volumes, which is a clip's length.
        seed: of shifts and resampling.
        lags_tr: delays to look at, in volumes.
        n_shifts: films shifted in time that stand for chance.

    Raises:
        DataError: no runs, or one too short for the delays.
    """
    if not runs:
        raise DataError("there are no runs to look for the delay in")
    rng = np.random.default_rng(seed)
    found = np.stack([_explained(*run, lags_tr) for run in runs])
    shifted = np.empty(n_shifts)
    for number in range(n_shifts):
        moved = [(np.roll(f, _shift(len(f), rng), axis=0), data, late) for f, data, late in runs]
        shifted[number] = np.mean([_explained(*run, lags_tr) for run in moved], axis=0).max()
    mean = found.mean(axis=0)
    drawn = rng.integers(0, len(found), (_N_BOOTSTRAPS, len(found)))
    low, high = np.percentile(found[drawn].mean(axis=1), [2.5, 97.5], axis=0)
    p = float((1 + (shifted >= mean.max()).sum()) / (1 + n_shifts))
    delays = np.array(lags_tr, float) * tr_s
    return LagScan(delays, mean, low, high, float(np.percentile(shifted, 95)), p, _peak(delays, mean), len(runs))


def _explained(features: NDArray[Any], data: NDArray[Any], late: int, lags_tr: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean squared correlation of one run at each delay, (n_lags,)."""
    clips = np.arange(len(features))
    out = np.empty(len(lags_tr))
    for place, lag in enumerate(lags_tr):
        volume = clips + lag - late
        inside = (volume >= 0) & (volume < len(data))
        if inside.sum() < 4:
            raise DataError(f"a run of {len(data)} volumes is too short for a delay of {lag} volumes")
        x, y = (_unit(np.asarray(z, np.float64)) for z in (features[clips[inside]], data[volume[inside]]))
        out[place] = float(((x.T @ y) ** 2).mean())
    return out


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre columns and give them length 1; constant ones become 0."""
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(length > 0, length, np.inf), np.float64)


def _shift(n: int, rng: np.random.Generator) -> int:
    least = min(_LEAST_SHIFT, max(1, n // 3))
    return int(rng.integers(least, max(least + 1, n - least)))


def _peak(delays: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return where the parabola through the best delay and its neighbours has its top."""
    at = int(values.argmax())
    if at in (0, len(values) - 1):
        return float(delays[at])
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    offset = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(delays[at] + offset * (delays[1] - delays[0]))
