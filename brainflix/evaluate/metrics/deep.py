"""Deep features of torchvision's networks: identification and distances (docs/scoring.md, Deep identification).

Features of one layer are held at a time, on disk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.deep_identification import correlation_distance, deep_identification, frame_correlations
from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.metric import Found, Measured, MetricWork
from brainflix.evaluate.metric_params import ACROSS, MetricParams
from brainflix.evaluate.metrics.cosines import Sets, others_of, shape_of
from brainflix.evaluate.permutations import mean_matrix
from brainflix.evaluate.scene import PREDICTION, TRUTH, Scene

Floats = NDArray[np.float64]
# By line, the layer's name in `networks.vision.LAYERS` and its weights' key.
IDENTIFICATION = {
    "identification_alex2": ("alex2", "alexnet"),
    "identification_alex5": ("alex5", "alexnet"),
    "identification_inception": ("inception", "inception"),
}
DISTANCES = {"effnet_distance": ("effnet", "effnet"), "swav_distance": ("swav", "swav")}


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the identifications and distances that are wanted, a layer at a time."""
    from brainflix.evaluate.networks.vision import layer_features

    found: dict[str, Measured] = {}
    for name, (layer, key) in {**IDENTIFICATION, **DISTANCES}.items():
        if name not in work.wanted:
            continue
        network = layer_features(layer, work.weights[key], work.audience.compute())
        with work.audience.show_large(network) as features:
            if name in IDENTIFICATION:
                found |= identified(name, features, work.design)
            else:
                found[name] = distance(features, work.design)
    return found


def identified(name: str, sets: Sets, design: Design) -> dict[str, Measured]:
    """Score identification, and where clips hang together also among other blocks' clips; lines by name."""
    found = {name: identification(sets, design)}
    if design.together:
        found[name + ACROSS] = across_blocks(sets, design)
    return found


def identification(sets: Sets, design: Design) -> Measured:
    """Score deep features (n_clips, n_frames, n_dims) by how often they are nearer to their own truth."""
    truth = sets[TRUTH]
    own, n_nan = deep_identification(truth, sets[PREDICTION])
    others = {name: deep_identification(truth, values)[0] for name, values in others_of(sets).items()}
    matrix = mean_matrix(map(_share_beaten, frame_correlations(truth, sets[PREDICTION])), shape_of(truth))
    return Measured({PREDICTION: own, **others}, permuted(matrix, design), n_nan, chance=0.5, is_rate=True)


def across_blocks(sets: Sets, design: Design) -> Measured:
    """Score as `identification`, where clips of the same block, which share scenes, are no distractors."""
    truth, blocks = sets[TRUTH], design.clusters
    own, n_nan = deep_identification(truth, sets[PREDICTION], blocks)
    others = {name: deep_identification(truth, values, blocks)[0] for name, values in others_of(sets).items()}
    remark = "among clips of other blocks"
    return Measured({PREDICTION: own, **others}, None, n_nan, chance=0.5, is_rate=True, remark=remark)


def distance(sets: Sets, design: Design) -> Measured:
    """Score deep features (n_clips, n_frames, n_dims) by 1 - correlation (docs/scoring.md, Feature distances)."""
    truth = sets[TRUTH]
    own, n_nan = correlation_distance(truth, sets[PREDICTION])
    others = {name: correlation_distance(truth, values)[0] for name, values in others_of(sets).items()}
    matrix = 1.0 - mean_matrix(frame_correlations(truth, sets[PREDICTION]), shape_of(truth))
    return Measured({PREDICTION: own, **others}, permuted(matrix, design, higher_is_better=False), n_nan)


def _share_beaten(correlations: Floats) -> Floats:
    """Return, for prediction i and truth j, the share of other truths that correlate less, (n_clips, n_clips)."""
    undefined = np.isnan(correlations)
    ordered = np.sort(correlations, axis=1)
    # NaN sorts last, behind everything that counts.
    beaten = np.stack([np.searchsorted(row, each) for row, each in zip(ordered, correlations, strict=True)])
    others = (~undefined).sum(axis=1, keepdims=True) - 1
    allowed = np.broadcast_to(others > 0, undefined.shape) & ~undefined
    return np.asarray(np.divide(beaten, others, out=np.full(undefined.shape, np.nan), where=allowed), np.float64)
