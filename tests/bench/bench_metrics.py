"""Time pixel metrics, frame-based N-way and cluster bootstrap beside the usual loops, each in a process of its own.

`python tests/bench/bench_metrics.py [--clips 1200] [--json PATH]`: wall time of the scoring alone (imports and the
making of clips are not counted), the loop's time over ours, peak memory of the whole process, and both results. Clips
have 6 frames of 256 x 256; the loops are scikit-image frame by frame, 100 trials per frame, and one resample at a time.
The last row is `score` of two folders, from files to the document: all pixel metrics and N-way of saved class scores,
with four baselines, every pairing, intervals and p; its loop scores the true pairs alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from bench_nway import loop as nway_loop
from numpy.typing import NDArray

from brainflix.evaluate import nway, pixels, ssim
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.metrics.ssim import FLAVOURS
from brainflix.evaluate.request import Request, score_request

FRAMES, SIZE, CLASSES, WAYS, TRIALS, N_BOOT, PER_BLOCK = 6, 256, 1000, 50, 100, 10_000, 10
Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]
# Seconds of scoring, and the mean score (of the bootstrap: the standard error).
Result = tuple[float, float]


def clip_pairs(n_clips: int) -> Iterator[tuple[Frames, Frames]]:
    """Yield true and predicted clips one at a time: 1200 of them would fill 2.8 GB."""
    for seed in range(n_clips):
        generator = np.random.default_rng(seed)
        coarse = generator.integers(0, 256, (2, FRAMES, SIZE // 4, SIZE // 4, 3), dtype=np.uint8)
        truth, other = coarse.repeat(4, axis=2).repeat(4, axis=3)
        yield truth, truth // 2 + other // 2


def frame_by_frame(score: Callable[[Frames, Frames], float]) -> Callable[[Frames, Frames], Floats]:
    """Return a function of clips that scores one frame after another."""
    return lambda truth, prediction: np.array([score(*pair) for pair in zip(truth, prediction, strict=True)])


def peer(metric: str) -> Callable[[Frames, Frames], Floats]:
    """Return the loop that stands for a metric of ours."""
    from skimage.color import rgb2gray
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    def gray(a: Frames, b: Frames) -> float:
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        return float(structural_similarity(rgb2gray(a), rgb2gray(b), **settings))

    loops: dict[str, Callable[[Frames, Frames], float]] = {
        "ssim_rgb_u7": partial(structural_similarity, channel_axis=-1, data_range=255),
        "ssim_gray_g11": gray,
        "psnr": partial(peak_signal_noise_ratio, data_range=255),
        "pixcorr": lambda a, b: float(np.corrcoef(a.ravel(), b.ravel())[0, 1]),
    }
    return frame_by_frame(loops[metric])


def own(metric: str) -> Callable[[Frames, Frames], Floats]:
    """Return a metric of ours as a function of two clips."""
    if flavour := FLAVOURS.get(metric):
        return lambda truth, prediction: ssim.compare(*(ssim.prepare(each, flavour) for each in (truth, prediction)))
    function: Callable[[Frames, Frames], Floats] = getattr(pixels, metric)
    return function


def score_pixels(metric: str, ours: bool, n_clips: int) -> Result:
    """Score every frame of every clip."""
    function = own(metric) if ours else peer(metric)
    function(*next(clip_pairs(1)))
    seconds, means = 0.0, []
    for truth, prediction in clip_pairs(n_clips):
        start = time.perf_counter()
        means.append(function(truth, prediction).mean())
        seconds += time.perf_counter() - start
    return seconds, float(np.mean(means))


def score_nway(ours: bool, n_clips: int) -> Result:
    """Score every frame's logits, three true classes as in the papers."""
    generator = np.random.default_rng(0)
    truth = generator.standard_normal((n_clips, FRAMES, CLASSES), dtype=np.float32)
    logits = truth + 1.5 * generator.standard_normal(truth.shape, dtype=np.float32)
    start = time.perf_counter()
    classes = nway.truth_classes(truth, 3)
    if ours:
        values = nway.accuracy(nway.count(logits, classes), WAYS, ties="lose").mean(axis=1)
    else:
        flat = logits.reshape(-1, CLASSES), classes.reshape(-1, 3)
        values = nway_loop(*flat, WAYS, TRIALS, generator).reshape(n_clips, FRAMES).mean(axis=1)
    return time.perf_counter() - start, float(values.mean())


def bootstrap(ours: bool, n_clips: int) -> Result:
    """Resample stimulus blocks of ten clips 10,000 times."""
    generator = np.random.default_rng(0)
    clusters = np.arange(n_clips) // PER_BLOCK
    values = generator.standard_normal(clusters[-1] + 1)[clusters] + generator.standard_normal(n_clips)
    start = time.perf_counter()
    if ours:
        error = cluster_bootstrap(values, clusters, n_boot=N_BOOT).se
    else:
        blocks = [values[clusters == c] for c in np.unique(clusters)]
        picks = (generator.integers(0, len(blocks), len(blocks)) for _ in range(N_BOOT))
        error = float(np.std([np.concatenate([blocks[c] for c in pick]).mean() for pick in picks], ddof=1))
    return time.perf_counter() - start, error


PIXELS = ("ssim_rgb_u7", "ssim_gray_g11", "psnr", "pixcorr")


def score_whole(ours: bool, n_clips: int) -> Result:
    """Score folders of clips and saved logits by every pixel metric and N-way; the loop has them in memory."""
    if not ours:
        found = [score_pixels(metric, False, n_clips) for metric in PIXELS]
        found.append(score_nway(False, n_clips))
        return sum(seconds for seconds, _ in found), found[0][1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {"truth": folder / "truth", "pred": folder / "pred"}
        for side in sides.values():
            side.mkdir()
        for clip, pair in enumerate(clip_pairs(n_clips)):
            for side, frames in zip(sides.values(), pair, strict=True):
                np.save(side / f"{clip:05d}.npy", frames)
        for side in sides:
            logits = np.random.default_rng(0).standard_normal((n_clips, FRAMES, CLASSES), dtype=np.float32)
            np.savez(folder / f"{side}.npz", logits=logits)
        request = Request(
            pred=str(sides["pred"]),
            truth=str(sides["truth"]),
            metrics=("ssim", "ssim_excess", "psnr", "mse", "pixcorr", "hue_circ", "nway"),
            logits_pred=folder / "pred.npz",
            logits_truth=folder / "truth.npz",
            workers=os.cpu_count() or 1,
        )
        start = time.perf_counter()
        document = score_request(request)
        return time.perf_counter() - start, document["scores"]["ssim_rgb_u7"]["value"]


TASKS: dict[str, Callable[[bool, int], Result]] = {
    **{metric: partial(score_pixels, metric) for metric in PIXELS},
    f"{WAYS}-way of frames": score_nway,
    "cluster bootstrap": bootstrap,
    "score": score_whole,
}


def child(task: str, ours: bool, n_clips: int) -> tuple[float, float, float]:
    """Run one task in this process; seconds, result and peak memory."""
    return (*TASKS[task](ours, n_clips), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(task: str, n_clips: int) -> dict[str, Any]:
    """Run ours and the loop, each in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        ours_s, ours, ours_mib = pool.submit(child, task, True, n_clips).result()
        loop_s, loop, loop_mib = pool.submit(child, task, False, n_clips).result()
    found = {"task": task, "n_clips": n_clips, "ours_s": ours_s, "loop_s": loop_s, "ratio": loop_s / ours_s}
    return found | {"ours_mib": ours_mib, "loop_mib": loop_mib, "ours": ours, "loop": loop}


def main() -> None:
    """Print a row per task; write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=1200, help="20 give an impression within two minutes")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args()
    rows = []
    head = f"{'task':>18} {'ours s':>9} {'loop s':>9} {'ratio':>7}"
    print(f"{head} {'ours MiB':>8} {'loop MiB':>8} {'ours':>9} {'loop':>9}")
    for task in TASKS:
        row = measure(task, options.clips)
        rows.append(row)
        times = f"{row['ours_s']:9.3f} {row['loop_s']:9.2f} {row['ratio']:7.1f}"
        values = f"{row['ours_mib']:8.0f} {row['loop_mib']:8.0f} {row['ours']:9.5f} {row['loop']:9.5f}"
        print(f"{task:>18} {times} {values}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
