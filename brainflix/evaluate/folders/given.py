"""Score what networks said elsewhere: class scores and features in the user's files (docs/scoring.md, Metrics)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from brainflix.errors import DataError
from brainflix.evaluate.folders import catalogue
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.staging import Inputs
from brainflix.evaluate.lines import Table, set_line
from brainflix.evaluate.folders.modelled import score_level
from brainflix.evaluate.result import Result
from brainflix.evaluate.folders.scoring import PREDICTION
from brainflix.evaluate.folders.semantic import TRUTH
from brainflix.evaluate.fvd import frechet_distance, kernel_distance
from brainflix.evaluate.protocols import Protocol
from brainflix.io.logits import read_features, read_logits

Metrics = Mapping[str, ModelMetric]
Files = tuple[Path, Path]
"""Of the truth and of the prediction."""
GET_FEATURES = "give --features-truth and --features-pred, from one extractor (I3D on 16 frames at 8 fps is usual)"


def score_logits_files(
    files: Files, metrics: Metrics, protocol: Protocol, inputs: Inputs, table: Table, result: Result
) -> set[str]:
    """Score N-way accuracies of clips, or of frames, from npz files of class scores; return their names.

    Raises:
        DataError: the files do not go together.
    """
    truth, prediction = (read_logits(file, inputs.ids) for file in files)
    if truth.shape != prediction.shape:
        raise DataError(f"logits of the truth are {truth.shape}, of the prediction {prediction.shape}")
    level = "video" if truth.ndim == 2 else "frame"
    names = catalogue.names_of_level(level, protocol) & set(metrics)
    score_level({TRUTH: truth, PREDICTION: prediction}, level, names, protocol, table, result)
    return names


def score_features_files(files: Files | None, metrics: Metrics, inputs: Inputs, table: Table, result: Result) -> None:
    """Score distances of whole sets of clips from npz files of features; without files they are skipped.

    Raises:
        DataError: the files do not go together.
    """
    names = [name for name, metric in metrics.items() if metric.needs == (catalogue.FEATURES,)]
    if not names or len(inputs.ids) < 2:
        result.skip(names, "one clip is no set", "give two clips or more")
        return
    if files is None:
        result.skip(names, "features missing", GET_FEATURES)
        return
    truth, prediction = (read_features(file, inputs.ids) for file in files)
    if truth.shape != prediction.shape:
        raise DataError(f"features of the truth are {truth.shape}, of the prediction {prediction.shape}")
    n, n_dims = truth.shape
    bias = f", no more than its {n_dims} dims: bias dominates" if n <= n_dims else ""
    if "fvd" in metrics:
        value = frechet_distance(truth, prediction).value
        result.lines["fvd"] = set_line(metrics["fvd"], value, n, table.plan, f"{n} clips{bias}")
    if "kvd" in metrics:
        kernel = kernel_distance(truth, prediction, seed=table.plan.seed)
        spread = f"{kernel.block_mean:.4g} (sd {kernel.block_sd:.3g})"
        remark = f"{n} clips; over {kernel.n_blocks} blocks of {kernel.block_size} {spread}"
        result.lines["kvd"] = set_line(metrics["kvd"], kernel.value, n, table.plan, remark)
