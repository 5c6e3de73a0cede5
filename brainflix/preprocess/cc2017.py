"""CC2017's preprocessing: every run to one clean row per clip, and which grayordinates answer reliably."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017_layout import RunFile, is_test
from brainflix.errors import DataError
from brainflix.io.surfaces import DenseSeries, read_dtseries
from brainflix.preprocess.detrend import polynomial_detrend, zscore
from brainflix.preprocess.params import Cc2017Params
from brainflix.preprocess.reliability import Reliability, reliability_t, run_z, select
from brainflix.preprocess.trim import trim_start


@dataclass(frozen=True)
class Cleaned:
    """A subject's runs after preprocessing, cortex only.

    Attributes:
        rows: float32 array of shape (n_rows, n_grayordinates): all clips of a run in order, run after run.
        segment, repeat: of each run.
        clips_per_run: rows of each run.
        structure, vertex: of each column.
        constant: columns that are constant in some run.
    """

    rows: np.ndarray
    segment: tuple[str, ...]
    repeat: tuple[int, ...]
    clips_per_run: tuple[int, ...]
    structure: tuple[str, ...]
    vertex: np.ndarray
    constant: np.ndarray


def preprocess(runs: Iterable[RunFile], n_clips: dict[str, int], tr_s: float, params: Cc2017Params) -> Cleaned:
    """Read and clean every run.

    Args:
        runs: the runs that are there.
        n_clips: clips of each segment.
        tr_s: time between volumes that the dataset promises, in seconds.
        params: the recipe's parameters.

    Raises:
        DataError: a run of another space, repetition time or length; names the file.
    """
    blocks: list[np.ndarray] = []
    kept: list[RunFile] = []
    space: DenseSeries | None = None
    constant = np.zeros(0, dtype=bool)
    for run in runs:
        series = read_dtseries(run.path)
        space = _same_space(series, space, run.path)
        if abs(series.tr_s - tr_s) > 1e-6:
            raise DataError(f"{run.path.name} has a repetition time of {series.tr_s} s, not {tr_s} s")
        rows, flat = clean_run(series.data[:, series.cortex()], n_clips[run.segment], params)
        constant = flat if not blocks else constant | flat
        blocks.append(rows)
        kept.append(run)
    if space is None:
        raise DataError("there are no runs to preprocess")
    cortex = space.cortex()
    return Cleaned(
        rows=np.concatenate(blocks),
        segment=tuple(run.segment for run in kept),
        repeat=tuple(run.repeat for run in kept),
        clips_per_run=tuple(len(block) for block in blocks),
        structure=tuple(space.structure[cortex].tolist()),
        vertex=space.index[cortex].astype(np.int32),
        constant=constant,
    )


def clean_run(data: np.ndarray, n_clips: int, params: Cc2017Params) -> tuple[np.ndarray, np.ndarray]:
    """Trim, detrend and z-score one run (n_volumes, n_grayordinates): rows, and a mask of constant columns."""
    start = trim_start(len(data), n_clips)
    kept = polynomial_detrend(data[start : start + n_clips], params.detrend_degree)
    scored = zscore(kept, params.zscore_ddof)
    return scored.values.astype(np.float32), scored.constant


def _same_space(series: DenseSeries, first: DenseSeries | None, path: Path) -> DenseSeries:
    """Keep the first run's columns as the reference and refuse a run on other ones."""
    if first is None:
        return series
    same = np.array_equal(series.structure, first.structure) and np.array_equal(series.index, first.index)
    if not same:
        raise DataError(f"{path.name} lies on other grayordinates than the runs before it")
    return first


def reproducibility(cleaned: Cleaned, params: Cc2017Params) -> Reliability:
    """Correlate the first two repeats of every training segment and test the Fisher z over segments."""
    starts = np.concatenate([[0], np.cumsum(cleaned.clips_per_run)])
    by_segment: dict[str, list[int]] = {}
    for i, segment in enumerate(cleaned.segment):
        if not is_test(segment):
            by_segment.setdefault(segment, []).append(i)
    pairs = [runs[:2] for runs in by_segment.values() if len(runs) > 1]
    z = [run_z(cleaned.rows[starts[a] : starts[a + 1]], cleaned.rows[starts[b] : starts[b + 1]]) for a, b in pairs]
    if len(z) < 2:
        raise DataError("reproducibility needs two training segments with two repeats each")
    return reliability_t(np.stack(z), two_sided=params.two_sided)


def selected(reliability: Reliability, params: Cc2017Params) -> np.ndarray:
    """Return the mask of selected columns, (n_grayordinates,)."""
    return select(reliability, params.select, alpha=params.alpha, n=params.top_n)
