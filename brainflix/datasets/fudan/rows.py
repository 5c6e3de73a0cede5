"""Fudan's fMRI-Video as rows: every volume of a run, with the clip whose five volumes begin there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np

from brainflix.datasets.fudan.layout import CLIPS_PER_FILM, CONDITIONS, MASK, films_of, run_path, runs_of
from brainflix.datasets.fudan.parts import FudanParams
from brainflix.errors import DataError, MissingError, UsageError
from brainflix.io.hdf5 import read_blocks, shapes_of
from brainflix.io.legacy import load_npz
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.preprocess.assemble import Run, gather
from brainflix.preprocess.pictures import crop_box, resized_mask, to_columns
from brainflix.preprocess.presentations import Presentations, counted
from brainflix.scratch import scratch_rows
from brainflix.store.schema import Clips, Responses

SPACE = "fudan-flatmap"
N_LEAD_IN, VOLUMES_PER_FILM, VOLUMES_PER_CLIP = 3, 13, 5
_KEY, _BLOCK = "images", 64


def films(params: FudanParams, inputs: Inputs, work: Work) -> Noted:
    """Read a subject's runs.

    Raises:
        UsageError: the job is of no subject.
        MissingError: a run, the mask or a list of films is missing.
        DataError: a run has pictures of another size than the mask.
    """
    if work.subject is None:
        raise UsageError("preprocess reads the runs of one subject, and this step is of none")
    dataset: Dataset = work.dataset
    raw, stimuli = inputs["raw"][0], inputs["stimuli"][0]
    clips = dataset.load_clips(stimuli.path)
    inside = _visual_cortex(stimuli.file(str(MASK)))
    box = crop_box(inside, ignore_first=params.compat == "glfa")
    mask = resized_mask(inside[box], params.size_px)
    trim = N_LEAD_IN + round(params.delay_s / dataset.tr_s)
    todo = [
        (number, run, part)
        for number in sorted(each for numbers in CONDITIONS.values() for each in numbers)
        for part, run in enumerate(runs_of(work.subject, number))
    ]
    paths = {run: raw.file(str(run_path(work.subject, run))) for _, run, _ in todo}
    named = zip(paths, shapes_of(*paths.values()), strict=True)
    shapes = {run: _shape(paths[run], found) for run, found in named}
    for run, shape in shapes.items():
        if shape[1:] != inside.shape:
            raise DataError(f"{paths[run].name} has pictures of {shape[1:]} and the mask {inside.shape}")
        if shape[0] < trim + 2:
            what = f"{paths[run].name} has {shape[0]} volumes"
            raise DataError(what, why=f"too few after the first {trim} are dropped")
    n_rows = {run: shape[0] - trim for run, shape in shapes.items()}
    # All runs by one process, each three times over: its mean, its spread, and its rows.
    blocks = read_blocks([paths[run] for _, run, _ in todo], _KEY, _BLOCK, box, times=3)
    lost: list[int] = []
    filled: list[int] = []

    def read(condition: int, run: int, part: int) -> Run:
        names = films_of(stimuli.path, condition)
        per_run = len(names) // len(runs_of(work.subject or 0, condition))
        shown = names[part * per_run : (part + 1) * per_run]
        clip, n_lost = clip_of_rows(shown, clips, n_rows[run])
        lost.append(n_lost)
        repeat = 1 + (condition == CONDITIONS["test"][1])
        n_blocks = math.ceil(shapes[run][0] / _BLOCK)
        pictures, n_filled = _rows(lambda: islice(blocks, n_blocks), n_rows[run], mask, trim)
        filled.append(n_filled)
        return Run(f"run-{run}", pictures, clip, repeat)

    rows = scratch_rows((sum(n_rows.values()), int(mask.sum())), work.store.root)
    seen = Presentations()
    fields = gather(counted((read(*each) for each in work.progress.track(todo, "runs")), seen), rows)
    if sum(lost):
        work.progress.say(f"subject {work.subject}: {sum(lost)} clips are left out, their runs end too early")
    index = np.flatnonzero(mask).astype(np.int32)
    responses = Responses(
        **fields,
        clips=clips,
        structure=(SPACE,) * len(index),
        index=index,
        area=("",) * len(index),
        masks={"selected": np.ones(len(index), bool)},
    )
    return Noted(responses, {"n_clips_cut_off": sum(lost), "n_values_filled_with_0": sum(filled), **seen.notes()})


def clip_of_rows(shown: list[str], clips: Clips, n_rows: int) -> tuple[np.ndarray, int]:
    """Return the clip whose five volumes begin at each row, (n_rows,), -1 for none, and how many clips are cut off.

    Args:
        shown: films of the run in order, thirteen volumes each.
        clips: the table; a film's clips follow each other.
        n_rows: volumes after the trim.
    """
    place = {film: clips.segment.index(film) for film in shown}
    out, lost = np.full(n_rows, -1, np.int32), 0
    for number, film in enumerate(shown):
        for half in range(CLIPS_PER_FILM):
            row = number * VOLUMES_PER_FILM + half * VOLUMES_PER_CLIP
            if row + VOLUMES_PER_CLIP <= n_rows:
                out[row] = place[film] + half
            else:
                lost += 1
    return out, lost


def _visual_cortex(path: Path) -> np.ndarray:
    arrays = load_npz(path)
    if "images" not in arrays:
        raise DataError(f"{path.name} has no array 'images'", why=f"it has {', '.join(arrays) or 'none'}")
    picture = arrays["images"]
    return np.asarray((picture[0] if picture.ndim == 3 else picture) == 1)


def _shape(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return volumes, height and width of a run's pictures."""
    if _KEY not in shapes:
        raise MissingError(f"{path.name} has no data set {_KEY!r}", why=f"it has {', '.join(shapes) or 'none'}")
    if len(shapes[_KEY]) != 3:
        raise DataError(f"{path.name} has pictures of shape {shapes[_KEY]}", why="need (volumes, height, width)")
    return shapes[_KEY]


def _rows(read: Callable[[], Iterable[np.ndarray]], n: int, mask: np.ndarray, trim: int) -> tuple[np.ndarray, int]:
    """Return a run's z-scored pictures inside the mask, (n_rows, n_pixels), and how many values were filled with 0.

    A source pixel that is not finite in some volume, or never varies, has no z-score in the run and counts as 0.

    Read three times in blocks: a long run uncut has tens of gigabytes. Pixels are scaled before they are resized, as
    the released code does, so that resized pixels do not have unit spread.
    """
    mean = _over(read(), trim, lambda block: block.sum(axis=0)) / n
    spread = np.sqrt(_over(read(), trim, lambda block: ((block - mean) ** 2).sum(axis=0)) / (n - 1))
    out = np.empty((n, int(mask.sum())), np.float32)
    end = n_filled = 0
    for block in _kept(read(), trim):
        with np.errstate(divide="ignore", invalid="ignore"):
            scored = (block - mean) / spread
        bad = ~np.isfinite(scored)
        n_filled += int(bad.sum())
        scored[bad] = 0.0
        out[end : end + len(block)] = to_columns(scored, mask)
        end += len(block)
    return out, n_filled


def _over(blocks: Iterable[np.ndarray], trim: int, work: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the sum over blocks of what `work` makes of each."""
    return np.asarray(sum(work(block) for block in _kept(blocks, trim)))


def _kept(blocks: Iterable[np.ndarray], trim: int) -> Iterator[np.ndarray]:
    """Yield blocks of cropped pictures after the trim, in double precision."""
    start = 0
    for block in blocks:
        kept = block[max(0, trim - start) :].astype(np.float64)
        start += len(block)
        if len(kept):
            yield kept
