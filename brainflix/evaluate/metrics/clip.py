"""What CLIP's networks say: alike in content, steady from frame to frame, nearer to the own truth.

Embeddings are small, and the gate takes two networks' at once, so all of them are held together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.design import Design
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.metric import Found, Measured, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics.cosines import Sets, frame_cosine, own_pooled_cosine, pooled_cosine
from brainflix.evaluate.metrics.deep import identified
from brainflix.evaluate.scene import PREDICTION, TRUTH, Scene
from brainflix.evaluate.temporal import Gate, temporal_consistency

Floats = NDArray[np.float64]
Pairs = Literal["adjacent", "all"]
NETWORKS = ("clip_b32", "clip_l14", "vifi")
# Lines by the network that they take.
FRAMES = {"clip_score_b32": "clip_b32", "clip_score_l14": "clip_l14"}
POOLED = {"clip_score_video_b32": "clip_b32", "clip_score_video_l14": "clip_l14", "vifi": "vifi"}
# Consistency: the network and the pairs of frames (docs/scoring.md, Temporal consistency).
CONSISTENCY: Mapping[str, tuple[str, Pairs]] = {
    "clip_tc": ("clip_b32", "adjacent"),
    "clip_tc_all": ("clip_l14", "all"),
}
IDENTIFICATION, GATED = "identification_clip", "clip_tc_gated"


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the lines of CLIP ViT-B/32, CLIP ViT-L/14 and ViFi-CLIP that are wanted."""
    from brainflix.evaluate.networks.images import clip_embeddings

    compute = work.audience.compute()
    needed = [key for key in NETWORKS if key in _networks(work.wanted)]
    seen = {key: work.audience.show(clip_embeddings(work.weights[key], compute)) for key in needed}
    found: dict[str, Measured] = {}
    for name, key in FRAMES.items():
        if name in work.wanted:
            found[name] = frame_cosine(seen[key], work.design)
    for name, key in POOLED.items():
        if name in work.wanted:
            found[name] = pooled_cosine(seen[key], work.design)
    if IDENTIFICATION in work.wanted:
        found |= identified(IDENTIFICATION, seen["clip_l14"], work.design)
    if GATED in work.wanted:
        found[GATED] = gated(seen["clip_b32"], seen["vifi"])
    for name, (key, pairs) in CONSISTENCY.items():
        if work.wanted & {name, f"{name}_truth", f"{name}_difference"}:
            found |= {f"{name}{part}": each for part, each in consistency(seen[key], pairs, work.design).items()}
    return found


def consistency(sets: Sets, pairs: Pairs, design: Design) -> dict[str, Measured]:
    """Score temporal consistency, never without the truth's own.

    Args:
        sets: by video set, embeddings (n_clips, n_frames, n_dims).
        pairs: of frames.
        design: who meets whom.

    Returns:
        The prediction's own under "", the truth's under "_truth", their distance under "_difference".
    """
    found = {name: temporal_consistency(sets[TRUTH], each, pairs) for name, each in sets.items() if name != TRUTH}
    own = found[PREDICTION]
    # Only the difference depends on which truth a prediction meets; that of a baseline stands beside each.
    apart = permuted(np.abs(own.prediction[:, None] - own.truth), design, higher_is_better=False)
    return {
        "": Measured({name: each.prediction for name, each in found.items()}, n_nan=own.n_undefined),
        "_truth": Measured({PREDICTION: own.truth}),
        "_difference": Measured({name: each.difference for name, each in found.items()}, apart, own.n_undefined),
    }


def gated(sets: Sets, gates: Sets) -> Measured:
    """Score adjacent consistency with the published gate.

    Args:
        sets: by video set, CLIP embeddings (n_clips, n_frames, n_dims).
        gates: by video set, ViFi-CLIP embeddings (n_clips, n_frames, n_dims), whose pooled cosine opens the gate.
    """

    def values(name: str) -> Floats:
        gate = Gate(own_pooled_cosine(gates[TRUTH], gates[name]))
        return np.asarray(temporal_consistency(sets[TRUTH], sets[name], "adjacent", gate).gated, np.float64)

    return Measured({name: values(name) for name in sets if name != TRUTH})


def _networks(wanted: frozenset[str]) -> set[str]:
    """Return the networks that some lines take."""
    keys: dict[str, tuple[Any, ...]] = {name: (key,) for name, key in {**FRAMES, **POOLED}.items()}
    keys |= {IDENTIFICATION: ("clip_l14",), GATED: ("clip_b32", "vifi")}
    for name, (key, _) in CONSISTENCY.items():
        keys |= dict.fromkeys((name, f"{name}_truth", f"{name}_difference"), (key,))
    return {key for name in wanted for key in keys.get(name, ())}
