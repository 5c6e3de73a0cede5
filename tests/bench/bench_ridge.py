"""Time our ridge against himalaya's KernelRidgeCV and scikit-learn's Ridge, each in a process of its own.

`python tests/bench/bench_ridge.py [--json PATH]`: medians of --runs fits per solver, interleaved so that other load on
the machine falls on all alike: wall time, processor time, peak memory (whole process, imports and data included),
and how often the solvers choose our penalty. All get the same rows, targets, penalties, folds and number of threads.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Clips, grayordinates, targets, folds; the last size leaves one of 18 movie segments out at a time.
SIZES = ((600, 3000, 3000, 5), (1500, 3000, 3000, 5), (1500, 3000, 3000, 18))
ALPHAS = np.logspace(0, 5, 10)
SOLVERS = ("brainflix", "himalaya-torch", "himalaya-numpy", "scikit-learn")

Floats = NDArray[np.float32]
Solver = Callable[[Floats, Floats, NDArray[np.int64]], NDArray[Any]]


def problem(n: int, p: int, t: int, k: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Make rows, targets of graded signal-to-noise ratio that prefer different penalties, and contiguous folds."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, p), dtype=np.float32)
    weights = rng.standard_normal((p, t), dtype=np.float32) / np.float32(np.sqrt(p))
    y = x @ weights * np.linspace(0, 3, t, dtype=np.float32) + rng.standard_normal((n, t), dtype=np.float32)
    return x, y, np.arange(n) * k // n


def brainflix(x: Floats, y: Floats, folds: NDArray[np.int64]) -> NDArray[Any]:
    """Fit ours; return the penalty of each target."""
    from brainflix.linear.ridge import fit_ridge

    return fit_ridge(x, y, ALPHAS, folds).alpha


def himalaya(backend: str) -> Solver:
    """Return the fit of himalaya's fastest fitting estimator on one of its backends."""

    def fit(x: Floats, y: Floats, folds: NDArray[np.int64]) -> NDArray[Any]:
        from himalaya.backend import set_backend
        from himalaya.kernel_ridge import KernelRidgeCV
        from himalaya.scoring import r2_score
        from sklearn.model_selection import PredefinedSplit

        set_backend(backend)
        # The same model as ours: an intercept that is not penalised, R2 averaged over folds.
        model = KernelRidgeCV(
            kernel="linear",
            alphas=ALPHAS,
            cv=PredefinedSplit(folds),
            fit_intercept=True,
            solver_params={"score_func": r2_score},
        )
        return np.asarray(model.fit(x, y).best_alphas_)

    return fit


def scikit_learn(x: Floats, y: Floats, folds: NDArray[np.int64]) -> NDArray[Any]:
    """Refit scikit-learn's Ridge per fold and penalty, as its grid search does, then once more."""
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score

    scores = np.zeros((ALPHAS.size, y.shape[1]))
    for row, alpha in enumerate(ALPHAS):
        for fold in np.unique(folds):
            test = folds == fold
            prediction = Ridge(alpha=alpha).fit(x[~test], y[~test]).predict(x[test])
            scores[row] += r2_score(y[test], prediction, multioutput="raw_values")
    best: NDArray[Any] = ALPHAS[scores.argmax(axis=0)]
    Ridge(alpha=best).fit(x, y)
    return best


def solver(name: str) -> Solver:
    """Return the fit of a name in `SOLVERS`."""
    if name.startswith("himalaya"):
        return himalaya(name.partition("-")[2])
    return brainflix if name == "brainflix" else scikit_learn


def child(name: str, data: Path, answer: Path) -> None:
    """Fit once in this process and write the measurements beside the chosen penalties."""
    fit = solver(name)
    tiny = problem(20, 30, 4, 5)
    fit(*tiny)  # imports and thread pools are not what is measured
    x, y, folds = (np.load(data / f"{part}.npy") for part in ("x", "y", "folds"))
    wall, cpu = time.perf_counter(), time.process_time()
    alpha = fit(x, y, folds)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.save(answer.with_suffix(".npy"), alpha)
    answer.write_text(json.dumps({"wall_s": wall, "cpu_s": cpu, "peak_mib": peak}), encoding="utf-8")


def measure(name: str, data: Path, threads: int) -> dict[str, Any]:
    """Run one fit in a fresh process."""
    root = str(Path(__file__).parents[2])
    counts = {key: str(threads) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    answer = data / f"{name}.json"
    command = [sys.executable, __file__, "--child", name, str(data), str(answer)]
    subprocess.run(command, check=True, env={**os.environ, **counts, "PYTHONPATH": path})
    result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return {**result, "alpha": np.load(answer.with_suffix(".npy"))}


def compare(size: tuple[int, int, int, int], names: list[str], runs: int, threads: int) -> list[dict[str, Any]]:
    """Measure all solvers on one problem, round by round, and return a row per solver with ratios to ours."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        x, y, folds = problem(*size)
        for part, array in (("x", x), ("y", y), ("folds", folds)):
            np.save(Path(folder, part), np.asarray(array))
        for round_ in range(runs):
            for name in names:
                # The slow one is measured once: its ratio is far from any limit.
                if round_ == 0 or name != "scikit-learn":
                    found[name].append(measure(name, Path(folder), threads))
    rows = []
    ours = found["brainflix"]
    for name, results in found.items():
        row = {key: statistics.median(r[key] for r in results) for key in ("wall_s", "cpu_s", "peak_mib")}
        base = {key: statistics.median(r[key] for r in ours) for key in row}
        same = float(np.mean(np.isclose(results[0]["alpha"], ours[0]["alpha"])))
        ratios = {key.partition("_")[0] + "_ratio": row[key] / base[key] for key in row}
        rows.append({"size": list(size), "solver": name, "runs": len(results), **row, **ratios, "same_alpha": same})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text; ratios are theirs / ours, so above 1 is in our favour."""
    head = f"{'n, p, t, folds':>22} {'solver':>15} {'wall s':>8} {'cpu s':>8} {'MiB':>6}"
    lines = [f"{head} {'wall x':>7} {'cpu x':>7} {'MiB x':>6} {'same alpha':>10}"]
    for row in rows:
        numbers = f"{row['wall_s']:8.2f} {row['cpu_s']:8.2f} {row['peak_mib']:6.0f} {row['wall_ratio']:7.2f}"
        ratios = f"{row['cpu_ratio']:7.2f} {row['peak_ratio']:6.2f} {row['same_alpha']:10.4f}"
        lines.append(f"{', '.join(map(str, row['size'])):>22} {row['solver']:>15} {numbers} {ratios}")
    return "\n".join(lines)


def main() -> None:
    """Measure what is installed, write a table to standard output and, if asked, JSON to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--runs", type=int, default=3, help="fits per solver")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of every solver; 1 is the steadiest beside other load"
    )
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS, default=list(SOLVERS))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(range(len(SIZES))), help="indices of the sizes")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, data, answer = options.child
        child(name, Path(data), Path(answer))
        return
    needs = {"himalaya-torch": "himalaya", "himalaya-numpy": "himalaya", "scikit-learn": "sklearn"}
    names = [n for n in options.solvers if n not in needs or importlib.util.find_spec(needs[n])]
    names = ["brainflix", *(n for n in names if n != "brainflix")]
    rows = [row for index in options.sizes for row in compare(SIZES[index], names, options.runs, options.threads)]
    sys.stdout.write(table(rows) + "\n")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"threads": options.threads, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
