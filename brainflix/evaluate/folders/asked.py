"""From the metrics that were asked for to those that can be scored: by given files, or by networks that are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brainflix.evaluate.folders.catalogue import (
    FEATURES,
    MOVING,
    PER_SECOND,
    ModelMetric,
    model_metrics,
    names_of_level,
)
from brainflix.evaluate.folders.given import Files, score_features_files, score_logits_files
from brainflix.evaluate.staging import Inputs
from brainflix.evaluate.lines import Table
from brainflix.evaluate.folders.modelled import Wanted, score_models
from brainflix.evaluate.folders.networks import Absent, Audience, find_weights
from brainflix.evaluate.result import Result
from brainflix.evaluate.networks.checkpoints import Checkpoint, Located
from brainflix.evaluate.networks.features import Extraction
from brainflix.evaluate.protocols import Protocol

Metrics = dict[str, ModelMetric]


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of networks.

    Attributes:
        names: metrics of `model_metrics`.
        protocol, inputs, table: what is compared, and how.
        checkpoints: which weights to take.
        logits, features: files of the user, which come before weights.
        folder: for output that may not fit in memory.
        how: cache and batches.
        device: where networks run.
    """

    names: tuple[str, ...]
    protocol: Protocol
    inputs: Inputs
    table: Table
    checkpoints: Mapping[str, Checkpoint]
    logits: Files | None
    features: Files | None
    folder: Path
    how: Extraction
    device: str


def score_asked(asked: Asked, result: Result) -> dict[str, Located]:
    """Score what can be, note why the rest cannot, and return the weights that were used, by key."""
    metrics = {name: metric for name, metric in model_metrics(asked.protocol).items() if name in asked.names}
    if not metrics:
        return {}
    table = asked.table
    if asked.logits is not None:
        done = score_logits_files(asked.logits, metrics, asked.protocol, asked.inputs, table, result)
        metrics = {name: metric for name, metric in metrics.items() if name not in done}
    score_features_files(asked.features, metrics, asked.inputs, table, result)
    ready, weights = _ready(_allowed(metrics, asked, result), asked.checkpoints, result)
    if ready:
        # Imported here: it brings torch, which pixels alone need not wait for.
        from brainflix.device import pick_compute

        compute = pick_compute(asked.device, "float32")
        audience = Audience(asked.inputs, asked.how, compute, asked.folder, table.plan.workers)
        score_models(Wanted(ready, weights, asked.protocol, audience, table, result))
    return weights


def _allowed(metrics: Metrics, asked: Asked, result: Result) -> Metrics:
    """Return the metrics of networks that these clips allow."""
    inputs = asked.inputs
    left = {name: metric for name, metric in metrics.items() if metric.needs != (FEATURES,)}
    still = {*MOVING, "clip_tc_gated", *names_of_level("video", asked.protocol)}
    alone = {name for name in left if name.startswith("identification")}
    bars = (
        (still, inputs.truth.shape[1] < 2, "one frame has no motion", "give clips of two frames or more"),
        (alone, len(inputs.ids) < 2, "one clip cannot be told from others", "give two clips or more"),
        (set(PER_SECOND), inputs.fps_hz is None, "frame rate unknown", "give --fps-truth"),
    )
    return {name: left[name] for name in result.pass_bars(left, bars)}


def _ready(
    metrics: Metrics, checkpoints: Mapping[str, Checkpoint], result: Result
) -> tuple[Metrics, dict[str, Located]]:
    """Return the metrics all of whose weights are here, and these weights."""
    found = find_weights(sorted({key for metric in metrics.values() for key in metric.needs}), checkpoints)
    ready, weights = {}, {}
    for name, metric in metrics.items():
        here = {key: each for key in metric.needs if isinstance(each := found[key], Located)}
        absent = [each for key in metric.needs if isinstance(each := found[key], Absent)]
        if absent:
            result.skip([name], absent[0].why, absent[0].next)
        else:
            ready[name] = metric
            weights.update(here)
    return ready, weights
