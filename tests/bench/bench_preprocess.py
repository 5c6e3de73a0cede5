"""`preprocess` of CC2017 at full size: a run beside reading and one least-squares, the usual loop, and a whole subject.

Files are simulated: noise of the real shape (245 x 91282) on the real axis. A subject's 86 runs are links to one file.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.cleaning import preprocess
from brainflix.datasets.cc2017.layout import RunFile, find_runs, run_path
from brainflix.datasets.cc2017.parts import Cc2017Params
from brainflix.io.grayordinates import models, standard
from brainflix.io.surfaces import write_dtseries
from brainflix.progress import Silent
from brainflix.scratch import scratch_rows
from brainflix.store.arrays import write_array

N_CLIPS, N_VOLUMES, TR_S = 240, 245, 2.0
# The loop is timed on so many vertices and scaled up: all of them take minutes.
N_LOOPED = 600


def one_run(path: Path, folder: Path) -> None:
    """From a file to a published array."""
    n_clips = {"seg1": N_CLIPS}
    cleaned = preprocess(
        [RunFile("seg1", 1, path)],
        n_clips,
        TR_S,
        Cc2017Params(),
        progress=Silent(),
        allocate=lambda shape: scratch_rows(shape, folder),
    )
    write_array(folder, "response", cleaned.rows, dims=("trial", "grayordinate"), layout="rows", rows_per_shard=N_CLIPS)


def reading_and_least_squares(npy: Path) -> None:
    """What cannot be avoided: reading the numbers, and one fit of five polynomials to all cortical columns."""
    data = np.load(npy)[1 : 1 + N_CLIPS, standard().vertex >= 0]
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, N_CLIPS), 4)
    np.linalg.lstsq(basis, data.astype(np.float64), rcond=None)


def usual_loop(npy: Path) -> None:
    """A fit for each vertex, as the published scripts do; of some vertices."""
    data = np.load(npy, mmap_mode="r")[1 : 1 + N_CLIPS, :N_LOOPED].astype(np.float64)
    time_ = np.arange(N_CLIPS)
    for column in data.T:
        residual = column - np.polyval(np.polyfit(time_, column, 4), time_)
        (residual - residual.mean()) / residual.std(ddof=1)


def best_of(n: int, work, *arguments) -> float:
    """Return the shortest of n times in seconds."""
    times = []
    for _ in range(n):
        started = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - started)
    return min(times)


def subject(folder: Path) -> None:
    """Clean 86 runs into a published-like array and print time and peak memory (run in a process of its own)."""
    started = time.perf_counter()
    runs = find_runs(folder, 1)
    n_clips = {run.segment: N_CLIPS for run in runs}
    cleaned = preprocess(
        runs,
        n_clips,
        TR_S,
        Cc2017Params(),
        progress=Silent(),
        allocate=lambda shape: scratch_rows(shape, folder),
    )
    from brainflix.store.clips import Clips
    from brainflix.store.responses import Responses

    n = len(n_clips) * N_CLIPS
    clips = Clips(
        ids=tuple(f"c{i}" for i in range(n)),
        segment=tuple(segment for segment in n_clips for _ in range(N_CLIPS)),
        onset_s=np.tile(np.arange(N_CLIPS) * TR_S, len(n_clips)),
        split=np.zeros(n, np.int8),
        caption=("",) * n,
    )
    places = {segment: i * N_CLIPS for i, segment in enumerate(n_clips)}
    Responses(
        response=cleaned.rows,
        clip=np.concatenate([places[run.segment] + np.arange(N_CLIPS) for run in runs]),
        repeat=np.repeat([run.repeat for run in runs], N_CLIPS),
        run=np.repeat(np.arange(len(runs)), N_CLIPS),
        run_names=tuple(f"{run.segment}_{run.repeat}" for run in runs),
        clips=clips,
        area=cleaned.area,
        structure=cleaned.structure,
        index=cleaned.vertex,
    ).save(folder / "out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{len(runs)} runs, {cleaned.rows.nbytes / 1e9:.1f} GB of rows: {time.perf_counter() - started:.0f} s, ", end=""
    )
    print(f"peak memory {peak:.2f} GiB (asked: below 3)")


def read_back(folder: Path) -> None:
    """Read the rows of a training split into memory, beside np.load of the same rows, by turns."""
    import zarr

    from brainflix.store.row_files import read_rows

    whole = zarr.open_array(folder / "out" / "data.zarr" / "response", mode="r")
    rows = np.asarray(whole[: 36 * N_CLIPS])
    write_array(
        folder / "train", "response", rows, dims=("trial", "grayordinate"), layout="rows", rows_per_shard=N_CLIPS
    )
    np.save(folder / "rows.npy", rows)
    place = folder / "train" / "data.zarr" / "response"
    array = zarr.open_array(place, mode="r")
    pairs = [(best_of(1, read_rows, array, place), best_of(1, np.load, folder / "rows.npy")) for _ in range(5)]
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    size = rows.nbytes / 1e9
    print(f"a training split of {size:.1f} GB into memory: {size / ours:.2f} GB/s, ", end="")
    print(f"np.load {size / theirs:.2f} GB/s, ratio {theirs / ours:.2f} (asked: 0.7)")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = np.random.default_rng(0).standard_normal((N_VOLUMES, 91282), np.float32) * 100 + 10_000
        path = folder / run_path(1, "seg1", 1)
        path.parent.mkdir(parents=True)
        write_dtseries(path, data, models(), TR_S)
        np.save(folder / "run.npy", data)
        places = (folder / f"one{i}" for i in range(99))
        ours = best_of(5, lambda: one_run(path, next(places)))
        floor = best_of(5, reading_and_least_squares, folder / "run.npy")
        loop = best_of(1, usual_loop, folder / "run.npy") * 59412 / N_LOOPED
        print(f"a run of {N_VOLUMES} x 91282, file to array: {ours:.2f} s")
        print(f"  np.load and one least-squares of that size: {floor:.2f} s, ratio {ours / floor:.2f} (asked: 2)")
        print(f"  a fit for each vertex (scaled from {N_LOOPED}): {loop:.1f} s, {loop / ours:.0f} times as long")
        for segment, count in {**{f"seg{n}": 2 for n in range(1, 19)}, **{f"test{n}": 10 for n in range(1, 6)}}.items():
            for repeat in range(1, count + 1):
                place = folder / run_path(1, segment, repeat)
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    place.symlink_to(path)
        subprocess.run([sys.executable, __file__, "subject", name], check=True)
        read_back(folder)


if __name__ == "__main__":
    subject(Path(sys.argv[2])) if sys.argv[1:2] == ["subject"] else main()
