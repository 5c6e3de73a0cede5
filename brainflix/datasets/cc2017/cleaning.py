"""CC2017's preprocessing: every run to one clean row per clip, and which grayordinates answer reliably.

Runs go through one at a time, so that memory holds one run and the first repeats that wait for their second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.layout import RunFile, is_test
from brainflix.datasets.cc2017.parts import Cc2017Params
from brainflix.errors import DataError
from brainflix.io.grayordinates import areas_of
from brainflix.io.surfaces import DenseSeries, read_dtseries
from brainflix.preprocess.areas import areas_named
from brainflix.preprocess.assemble import Run
from brainflix.preprocess.detrend import polynomial_detrend, zscore
from brainflix.preprocess.masks import mask_of
from brainflix.preprocess.noise_ceiling import RepeatSums, noise_ceiling
from brainflix.preprocess.presentations import Presentations
from brainflix.preprocess.reliability import Reliability, reliability_t, run_z, select
from brainflix.preprocess.rescale import rescale_groups, zscore_by
from brainflix.preprocess.trim import clip_volumes
from brainflix.progress import Progress
from brainflix.scratch import give_back

Allocate = Callable[[tuple[int, int]], np.ndarray]


@dataclass(frozen=True)
class Cleaned:
    """A subject's runs after preprocessing, cortex only.

    Attributes:
        rows: float32 array of shape (n_rows, n_grayordinates): all kept clips of a run in order, run after run.
        segment, repeat: of each run.
        first_clip: of each run, the first clip of its segment that has a row.
        clips_per_run: rows of each run.
        structure, vertex, area: of each column.
        constant: columns that are constant in some run.
        counts: rows that count as presentations of their clips, (n_rows,).
        seen: what is a copy or constant, and has no row or does not count.
        z: Fisher z of the first two repeats of every training segment, (n_segments, n_grayordinates).
    """

    rows: np.ndarray
    segment: tuple[str, ...]
    repeat: tuple[int, ...]
    first_clip: tuple[int, ...]
    clips_per_run: tuple[int, ...]
    structure: tuple[str, ...]
    vertex: np.ndarray
    area: tuple[str, ...]
    constant: np.ndarray
    counts: np.ndarray
    seen: Presentations
    z: np.ndarray


@dataclass(frozen=True)
class Columns:
    """The columns of a file that are kept: where they are, and what they mean.

    `whole` are the structures of all of the file's columns; files with equal axes share the very array.
    """

    whole: np.ndarray
    at: np.ndarray
    structure: np.ndarray
    vertex: np.ndarray
    area: tuple[str, ...]


def preprocess(
    runs: Sequence[RunFile],
    n_clips: dict[str, int],
    tr_s: float,
    params: Cc2017Params,
    *,
    progress: Progress,
    allocate: Allocate = np.zeros,
) -> Cleaned:
    """Read and clean every run.

    Args:
        runs: the runs that are there, by segment and repeat.
        n_clips: clips of each segment.
        tr_s: time between volumes that the dataset promises, in seconds.
        params: the recipe's parameters.
        progress: counts runs.
        allocate: makes the array of all rows, (n_rows, n_grayordinates) float32; may lie on disk.

    Raises:
        DataError: a run of another space, repetition time or length; names the file.
        IntegrityError: a run is a copy of another segment's, or no run was measured.
    """
    if not runs:
        raise DataError("there are no runs to preprocess")
    waiting: dict[str, np.ndarray] = {}
    z: list[np.ndarray] = []
    members: list[RunFile] = []
    lengths: list[int] = []
    firsts: list[int] = []
    counts: list[np.ndarray] = []
    seen = Presentations()
    place = _first_places(n_clips)
    kept: Columns | None = None
    end = 0
    for run in progress.track(runs, "runs"):
        series = read_dtseries(run.path)
        if abs(series.tr_s - tr_s) > 1e-6:
            raise DataError(f"{run.path.name} has a repetition time of {series.tr_s} s, not {tr_s} s")
        if kept is None:
            kept = choose_columns(series, params.within)
            rows = allocate((sum(n_clips[each.segment] for each in runs), len(kept.at))).astype(np.float32, copy=False)
            constant = np.zeros(len(kept.at), dtype=bool)
        _same_space(series, kept, run.path)
        block, flat, first = clean_run(series.data, kept.at, n_clips[run.segment], tr_s, params)
        clip = place[run.segment] + first + np.arange(len(block))
        counting = seen.counting(Run(f"{run.segment}_{run.repeat}", block, clip))
        if not counting.any():
            continue
        constant |= flat
        rows[end : end + len(block)] = block
        end += len(block)
        members.append(run)
        lengths.append(len(block))
        firsts.append(first)
        counts.append(counting)
        give_back(rows)
        if not is_test(run.segment):
            _pair(run.segment, block, waiting, z)
    if kept is None or not members:
        raise seen.nothing_left()
    rows = rows[:end]
    _rescale(rows, [run.segment for run in members], lengths, params)
    return Cleaned(
        rows=rows,
        segment=tuple(run.segment for run in members),
        repeat=tuple(run.repeat for run in members),
        first_clip=tuple(firsts),
        clips_per_run=tuple(lengths),
        structure=tuple(kept.structure.tolist()),
        vertex=kept.vertex.astype(np.int32),
        area=kept.area,
        constant=constant,
        counts=np.concatenate(counts),
        seen=seen,
        z=np.stack(z) if z else np.zeros((0, len(kept.at))),
    )


def _first_places(n_clips: Mapping[str, int]) -> dict[str, int]:
    """Return where each segment's clips begin among all clips."""
    ends = np.cumsum([0, *n_clips.values()])
    return dict(zip(n_clips, ends[:-1].tolist(), strict=True))


def choose_columns(series: DenseSeries, within: str | None) -> Columns:
    """Return the cortical columns of a file, or those of some areas.

    Raises:
        DataError: the file has no cortex, or an area is nowhere in it.
    """
    at = np.flatnonzero(series.cortex())
    if not at.size:
        raise DataError("0 columns are cortex", why=f"the file has {len(series.structure)} columns of other structures")
    structure, vertex = series.structure[at], series.index[at]
    area = areas_of(structure, vertex)
    if within is not None:
        inside = mask_of(area, areas_named(within))
        at, structure, vertex, area = at[inside], structure[inside], vertex[inside], area[inside]
    return Columns(series.structure, at, structure, vertex, tuple(area.tolist()))


def clean_run(
    data: np.ndarray, columns: np.ndarray, n_clips: int, tr_s: float, params: Cc2017Params
) -> tuple[np.ndarray, np.ndarray, int]:
    """Trim, detrend and z-score one run (n_volumes, n_columns of the file).

    Returns:
        float32 rows (n_kept_clips, n_columns), a mask of constant columns, and the first clip that has a row.
    """
    volumes = clip_volumes(len(data), n_clips, tr_s=tr_s, delay_s=params.delay_s)
    # The volumes are consecutive: a slice costs no copy of the subcortex.
    trimmed = data[volumes[0] : volumes[-1] + 1, _as_slice(columns)]
    kept = polynomial_detrend(trimmed, params.detrend_degree)
    if params.zscore == "run":
        scored = zscore(kept, params.zscore_ddof)
        kept, constant = scored.values, scored.constant
    else:
        constant = np.asarray(~kept.any(axis=0))
    first = int(params.drop_first and len(data) == n_clips + 5)
    return kept[first:].astype(np.float32, copy=False), constant, first


def _as_slice(columns: np.ndarray) -> np.ndarray | slice:
    """Return neighbouring columns as a slice, which needs no copy."""
    if columns.size and columns[-1] - columns[0] + 1 == columns.size and (np.diff(columns) == 1).all():
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def _pair(segment: str, block: np.ndarray, waiting: dict[str, np.ndarray], z: list[np.ndarray]) -> None:
    """Correlate the first two repeats of a segment as soon as both are there; further ones change nothing."""
    if segment not in waiting:
        waiting[segment] = block
    elif len(waiting[segment]):
        z.append(run_z(waiting[segment], block))
        waiting[segment] = block[:0]


def _rescale(rows: np.ndarray, segments: Sequence[str], counts: Sequence[int], params: Cc2017Params) -> None:
    """Apply what needs all runs, in place."""
    test = np.repeat([is_test(segment) for segment in segments], counts)
    if params.zscore == "train":
        zscore_by(rows, ~test, ddof=params.zscore_ddof)
    if params.rescale_splits:
        rescale_groups(rows, test)


def _same_space(series: DenseSeries, kept: Columns, path: Path) -> None:
    """Refuse a run on other columns than the first run's."""
    if series.structure is kept.whole:
        return
    there = kept.at[-1] < len(series.structure) if len(kept.at) else True
    same = (
        there
        and np.array_equal(series.structure[kept.at], kept.structure)
        and np.array_equal(series.index[kept.at], kept.vertex)
    )
    if not same:
        raise DataError(f"{path.name} lies on other grayordinates than the runs before it")


def reproducibility(cleaned: Cleaned, params: Cc2017Params) -> Reliability:
    """Test over training segments whether their two repeats agree (Fisher z against 0).

    Raises:
        DataError: fewer than two segments have two repeats.
        IntegrityError: so it is because repeats are copies, or hold nothing.
    """
    if len(cleaned.z) < 2 and cleaned.seen.notes():
        raise cleaned.seen.nothing_left("fewer than two training segments have two repeats that were measured")
    if len(cleaned.z) < 2:
        raise DataError("reproducibility needs two training segments with two repeats each")
    return reliability_t(cleaned.z, two_sided=params.two_sided)


def segment_ceilings(cleaned: Cleaned) -> dict[str, np.ndarray]:
    """Return signal-to-noise ratio and noise ceilings from the test segments' repeats, by name, (n_grayordinates,).

    One segment's repeats are in memory at a time. Nothing is selected by them.
    """
    starts = np.concatenate([[0], np.cumsum(cleaned.clips_per_run)])
    by_segment: dict[str, list[int]] = {}
    for i, segment in enumerate(cleaned.segment):
        if is_test(segment):
            by_segment.setdefault(segment, []).append(i)
    sums, counts = RepeatSums(len(cleaned.area)), []
    for members in by_segment.values():
        blocks = [cleaned.rows[starts[i] : starts[i + 1]] for i in members]
        # Runs of one segment have the same length by the trim's own check.
        sums.add(np.stack(blocks, axis=1))
        give_back(cleaned.rows)
        counts += [len(members)] * len(blocks[0])
    if not counts or max(counts) < 2:
        return {}
    snr = sums.ncsnr()
    return {"ncsnr_test": snr, "nc_test_n1": noise_ceiling(snr, 1), "nc_test": noise_ceiling(snr, np.array(counts))}


def selected(reliability: Reliability, params: Cc2017Params) -> np.ndarray:
    """Return the mask of selected columns, (n_grayordinates,)."""
    if params.select == "all":
        return np.ones(reliability.t.shape, bool)
    return select(reliability, params.select, alpha=params.alpha, n=params.top_n)
