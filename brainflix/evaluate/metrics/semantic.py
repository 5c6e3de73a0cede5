"""Score class scores, embeddings and deep features beside those of the baselines (docs/scoring.md, Metrics).

Everything here takes arrays by video set: "truth", "prediction", and each baseline where a network saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate import identification, nway
from brainflix.evaluate.bootstrap import defined_mean
from brainflix.evaluate.deep_identification import correlation_distance, deep_identification, frame_correlations
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.lines import Table, make_line, tested_matrix
from brainflix.evaluate.folders.repairing import Rotations
from brainflix.evaluate.folders.scoring import PREDICTION
from brainflix.evaluate.nway_curve import Curve, accuracy_curve
from brainflix.evaluate.permutations import mean_matrix
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.temporal import Consistency, Gate, temporal_consistency
from brainflix.evaluate.views import tiles

TRUTH = "truth"
Floats = NDArray[np.float64]
Systems = Mapping[str, NDArray[Any]]


def baselines_of(systems: Systems) -> dict[str, NDArray[Any]]:
    """Return the video sets that are neither truth nor prediction."""
    return {name: values for name, values in systems.items() if name not in (TRUTH, PREDICTION)}


def score_logits(systems: Systems, ways: int, g: int, metric: ModelMetric, table: Table) -> Line:
    """Score class scores by exact N-way accuracy with fair ties (docs/scoring.md, N-way accuracy).

    Args:
        systems: by video set, array of shape (n_clips, n_classes) or (n_clips, n_frames, n_classes).
        ways: choices in a trial.
        g: the truth's best classes that count as right.
        metric: what is scored.
        table: what lines share.
    """
    n = len(systems[TRUTH])
    classes = np.concatenate([nway.truth_classes(systems[TRUTH][some], g) for some in tiles(n)])
    own, tied = np.empty(n), 0
    below = {name: np.empty(n) for name in baselines_of(systems)}
    gathered = Rotations(table.repairing, higher_is_better=metric.higher_is_better)
    for some in tiles(n):
        clips, logits = np.arange(n)[some], systems[PREDICTION][some]
        scores = nway.accuracy_matrix(logits, classes, ways)
        gathered.add(clips, scores)
        own[some] = scores[np.arange(len(clips)), clips]
        tied += nway.count(logits, classes[some]).n_items_with_ties
        for name, values in below.items():
            found = nway.accuracy(nway.count(systems[name][some], classes[some]), ways)
            values[some] = found.reshape(len(clips), -1).mean(axis=1)
    return make_line(
        metric,
        own,
        table,
        tested=gathered.result(),
        below={name: float(values.mean()) for name, values in below.items()},
        chance=nway.chance(ways, 1, g),
        is_rate=True,
        remark=f"{tied} {'frames' if classes.ndim == 3 else 'clips'} with ties",
    )


def curve_of(systems: Systems, g: int) -> Curve:
    """Return the prediction's N-way accuracy over every n; arguments as of `score_logits`."""
    return accuracy_curve(nway.count(systems[PREDICTION], nway.truth_classes(systems[TRUTH], g)), g)


def score_frame_cosine(systems: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score embeddings (n_clips, n_frames, n_dims) by the cosine of each frame with the true one, mean over frames."""
    return _score_matrices(systems, metric, table, _frame_cosines)


def score_pooled_cosine(systems: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score embeddings (n_clips, n_frames, n_dims) by the cosine of their frame means (docs/scoring.md, CLIP score)."""
    return _score_matrices(systems, metric, table, _pooled_cosines)


def pooled_cosine(truth: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    """Return each clip's own cosine of the means over frames, array of shape (n_clips,), NaN where it has none."""
    return np.diagonal(mean_matrix(_pooled_cosines(truth, prediction), _shape(truth))).copy()


def score_consistency(
    systems: Systems, pairs: Literal["adjacent", "all"], metrics: Mapping[str, ModelMetric], table: Table
) -> dict[str, Line]:
    """Score temporal consistency, never without the truth's own (docs/scoring.md, Temporal consistency).

    Args:
        systems: by video set, embeddings (n_clips, n_frames, n_dims).
        pairs: of frames.
        metrics: by "own", "truth" and "difference", those of the three lines that are wanted.
        table: what lines share.

    Returns:
        Lines by the same keys.
    """
    found = {
        name: temporal_consistency(systems[TRUTH], values, pairs) for name, values in systems.items() if name != TRUTH
    }
    own = found.pop(PREDICTION)
    lines = {}
    # Only the difference depends on which truth a prediction meets; that of a baseline stands beside each.
    if "own" in metrics:
        below = {name: defined_mean(each.prediction) for name, each in found.items()}
        lines["own"] = make_line(metrics["own"], own.prediction, table, below=below, n_nan=own.n_undefined)
    if "truth" in metrics:
        lines["truth"] = make_line(metrics["truth"], own.truth, table)
    if "difference" in metrics:
        lines["difference"] = _difference(own, found, metrics["difference"], table)
    return lines


def score_gated(systems: Systems, gates: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score adjacent consistency with the published gate (docs/scoring.md, Temporal consistency).

    Args:
        systems: by video set, CLIP embeddings (n_clips, n_frames, n_dims).
        gates: by video set, ViFi-CLIP embeddings (n_clips, n_frames, n_dims), whose pooled cosine opens the gate.
        metric: what is scored.
        table: what lines share.
    """

    def gated(name: str) -> Floats:
        gate = Gate(pooled_cosine(gates[TRUTH], gates[name]))
        values = temporal_consistency(systems[TRUTH], systems[name], "adjacent", gate).gated
        return np.asarray(values, np.float64)

    below = {name: defined_mean(gated(name)) for name in baselines_of(systems)}
    return make_line(metric, gated(PREDICTION), table, below=below)


def score_identification(systems: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score deep features (n_clips, n_frames, n_dims) by identification (docs/scoring.md, Deep identification)."""
    truth = systems[TRUTH]
    own, n_nan = deep_identification(truth, systems[PREDICTION])
    below = {
        name: defined_mean(deep_identification(truth, values)[0]) for name, values in baselines_of(systems).items()
    }
    matrix = mean_matrix(map(_share_beaten, frame_correlations(truth, systems[PREDICTION])), _shape(truth))
    tested = tested_matrix(matrix, table, metric)
    return make_line(metric, own, table, tested=tested, below=below, n_nan=n_nan, chance=0.5, is_rate=True)


def score_across_blocks(systems: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score as `score_identification`, where clips of the same block, which share scenes, are no distractors."""
    truth, blocks = systems[TRUTH], table.repairing.clusters
    own, n_nan = deep_identification(truth, systems[PREDICTION], blocks)
    below = {
        name: defined_mean(deep_identification(truth, values, blocks)[0])
        for name, values in baselines_of(systems).items()
    }
    remark = "among clips of other blocks"
    return make_line(metric, own, table, below=below, n_nan=n_nan, chance=0.5, is_rate=True, remark=remark)


def score_distance(systems: Systems, metric: ModelMetric, table: Table) -> Line:
    """Score deep features (n_clips, n_frames, n_dims) by 1 - correlation (docs/scoring.md, Feature distances)."""
    truth = systems[TRUTH]
    own, n_nan = correlation_distance(truth, systems[PREDICTION])
    below = {
        name: defined_mean(correlation_distance(truth, values)[0]) for name, values in baselines_of(systems).items()
    }
    matrix = 1.0 - mean_matrix(frame_correlations(truth, systems[PREDICTION]), _shape(truth))
    return make_line(metric, own, table, tested=tested_matrix(matrix, table, metric), below=below, n_nan=n_nan)


def _score_matrices(
    systems: Systems,
    metric: ModelMetric,
    table: Table,
    matrices: Callable[[NDArray[Any], NDArray[Any]], Iterable[Floats]],
) -> Line:
    truth = systems[TRUTH]
    n_nan = 0

    def counted() -> Iterable[Floats]:
        nonlocal n_nan
        for each in matrices(truth, systems[PREDICTION]):
            n_nan += int(np.isnan(np.diagonal(each)).sum())
            yield each

    matrix = mean_matrix(counted(), _shape(truth))
    below = {
        name: defined_mean(np.diagonal(mean_matrix(matrices(truth, values), _shape(truth))))
        for name, values in baselines_of(systems).items()
    }
    tested = tested_matrix(matrix, table, metric)
    return make_line(metric, np.diagonal(matrix).copy(), table, tested=tested, below=below, n_nan=n_nan)


def _shape(truth: NDArray[Any]) -> tuple[int, int]:
    """Return the shape of a matrix of all pairings."""
    return len(truth), len(truth)


def _frame_cosines(truth: NDArray[Any], prediction: NDArray[Any]) -> Iterable[Floats]:
    """Yield (n_clips, n_clips), prediction by truth, for each frame index."""
    for frame in range(truth.shape[1]):
        yield identification.similarity(prediction[:, frame], truth[:, frame], "cosine")


def _pooled_cosines(truth: NDArray[Any], prediction: NDArray[Any]) -> Iterable[Floats]:
    predicted, true = (np.asarray(each, np.float64).mean(axis=1) for each in (prediction, truth))
    yield identification.similarity(predicted, true, "cosine")


def _difference(own: Consistency, others: Mapping[str, Consistency], metric: ModelMetric, table: Table) -> Line:
    below = {name: defined_mean(each.difference) for name, each in others.items()}
    matrix = np.abs(own.prediction[:, None] - own.truth)
    tested = tested_matrix(matrix, table, metric)
    return make_line(metric, own.difference, table, tested=tested, below=below, n_nan=own.n_undefined)


def _share_beaten(correlations: Floats) -> Floats:
    """Return, for prediction i and truth j, the share of other truths that correlate less, (n_clips, n_clips)."""
    undefined = np.isnan(correlations)
    ordered = np.sort(correlations, axis=1)
    # NaN sorts last, behind everything that counts.
    beaten = np.stack([np.searchsorted(row, each) for row, each in zip(ordered, correlations, strict=True)])
    others = (~undefined).sum(axis=1, keepdims=True) - 1
    allowed = np.broadcast_to(others > 0, undefined.shape) & ~undefined
    return np.asarray(np.divide(beaten, others, out=np.full(undefined.shape, np.nan), where=allowed), np.float64)
