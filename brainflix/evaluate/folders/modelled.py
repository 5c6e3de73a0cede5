"""Score what needs networks, one network at a time, so that memory holds one (docs/scoring.md, Metrics)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from brainflix.evaluate.folders import catalogue, semantic
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.folders.costly import STILL, score_flow, score_perceptual
from brainflix.evaluate.lines import Table
from brainflix.evaluate.folders.networks import SYSTEMS, Audience
from brainflix.evaluate.result import ACROSS, Result
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Features
from brainflix.evaluate.protocols import Protocol

Embeddings = Mapping[str, Features]
Pairs = Literal["adjacent", "all"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be scored.

    Attributes:
        metrics: by name, those whose weights are here.
        weights: by key, those.
        protocol: which N-way accuracies there are.
        clips: what networks see.
        table: what lines share.
        result: takes the lines.
    """

    metrics: Mapping[str, ModelMetric]
    weights: Mapping[str, Located]
    protocol: Protocol
    clips: Audience
    table: Table
    result: Result


def score_models(wanted: Wanted) -> None:
    """Score metrics with networks."""
    _score_classes(wanted)
    _score_embeddings(wanted)
    _score_layers(wanted)
    _score_costly(wanted)


def score_level(
    scores: Mapping[str, Any], level: str, names: Iterable[str], protocol: Protocol, table: Table, result: Result
) -> None:
    """Score one level of N-way accuracy.

    Args:
        scores: class scores by video set, (n_clips, n_classes) or (n_clips, n_frames, n_classes).
        level: of catalogue.LEVELS.
        names: metrics that are wanted.
        protocol: which accuracies there are.
        table: what lines share.
        result: takes lines, curves over n, and what has too few classes.
    """
    metrics, n_classes = catalogue.model_metrics(protocol), scores[semantic.TRUTH].shape[-1]
    for g in protocol.true_classes if names else ():
        if n_classes > g:
            result.curves[catalogue.curve_name(level, g)] = semantic.curve_of(scores, g)
    for ways, g in product(protocol.ways, protocol.true_classes):
        name, need = catalogue.nway_name(ways, level, g), g + ways - 1
        if name in names and n_classes < need:
            result.skip([name], f"{n_classes} classes are too few", f"take a classifier of {need} classes or more")
        elif name in names:
            result.lines[name] = semantic.score_logits(scores, ways, g, metrics[name], table)


def _score_classes(wanted: Wanted) -> None:
    from brainflix.evaluate.networks.images import frame_logits
    from brainflix.evaluate.networks.videos import TRAINED_FRAMES, video_logits

    for level, (key, _) in catalogue.LEVELS.items():
        names = catalogue.names_of_level(level, wanted.protocol) & set(wanted.metrics)
        if not names:
            continue
        checkpoint, compute = wanted.weights[key], wanted.clips.compute
        if level == "frame":
            network = frame_logits(checkpoint, compute)
        else:
            network = video_logits(checkpoint, compute, TRAINED_FRAMES if level == "video_16f" else None)
        score_level(wanted.clips.show(network), level, names, wanted.protocol, wanted.table, wanted.result)


def _score_embeddings(wanted: Wanted) -> None:
    """Score everything that takes CLIP embeddings; they are small, and the gate takes two networks' at once."""
    from brainflix.evaluate.networks.images import clip_embeddings

    keys = ("clip_b32", "clip_l14", "vifi")
    needed = {key for metric in wanted.metrics.values() for key in metric.needs if key in keys}
    seen = {key: wanted.clips.show(clip_embeddings(wanted.weights[key], wanted.clips.compute)) for key in needed}
    lines, table = wanted.result.lines, wanted.table
    for name, metric in wanted.metrics.items():
        if name.startswith("clip_score_video_") or name == "vifi":
            lines[name] = semantic.score_pooled_cosine(seen[metric.needs[0]], metric, table)
        elif name.startswith("clip_score_"):
            lines[name] = semantic.score_frame_cosine(seen[metric.needs[0]], metric, table)
        elif name == "identification_clip":
            _score_identification(wanted, name, seen["clip_l14"])
        elif name == "clip_tc_gated":
            lines[name] = semantic.score_gated(seen["clip_b32"], seen["vifi"], metric, table)
    for name, (key, pairs) in catalogue.CONSISTENCY.items():
        _score_consistency(wanted, name, seen.get(key, {}), pairs)


def _score_consistency(wanted: Wanted, name: str, embeddings: Embeddings, pairs: Pairs) -> None:
    parts = {"own": name, "truth": f"{name}_truth", "difference": f"{name}_difference"}
    metrics = {part: wanted.metrics[full] for part, full in parts.items() if full in wanted.metrics}
    if metrics:
        found = semantic.score_consistency(embeddings, pairs, metrics, wanted.table)
        wanted.result.lines.update({parts[part]: line for part, line in found.items()})


def _score_identification(wanted: Wanted, name: str, features: Embeddings) -> None:
    """Score identification, in blocks also among other blocks' clips (docs/scoring.md, Deep identification)."""
    lines, metric, table = wanted.result.lines, wanted.metrics[name], wanted.table
    lines[name] = semantic.score_identification(features, metric, table)
    if table.plan.block > 1:
        lines[name + ACROSS] = semantic.score_across_blocks(features, metric, table)


def _score_layers(wanted: Wanted) -> None:
    """Score features of torchvision's networks; those of one layer are held at a time, on disk."""
    for name, (layer, key, _) in {**catalogue.IDENTIFICATION, **catalogue.DISTANCES}.items():
        if name not in wanted.metrics:
            continue
        from brainflix.evaluate.networks.vision import layer_features

        network = layer_features(layer, wanted.weights[key], wanted.clips.compute)
        with wanted.clips.show_large(network) as features:
            if name in catalogue.IDENTIFICATION:
                _score_identification(wanted, name, features)
            else:
                wanted.result.lines[name] = semantic.score_distance(features, wanted.metrics[name], wanted.table)


def _score_costly(wanted: Wanted) -> None:
    clips, lines = wanted.clips, wanted.result.lines
    if catalogue.LPIPS in wanted.metrics:
        from brainflix.evaluate.networks.vision import perceptual_distance

        distance, metric = perceptual_distance(clips.compute), wanted.metrics[catalogue.LPIPS]
        lines[metric.name] = score_perceptual(clips.videos, distance, metric, wanted.table, clips.how.track)
    moving = {name: wanted.metrics[name] for name in catalogue.RAFT if name in wanted.metrics}
    if moving:
        from brainflix.evaluate.networks.vision import raft_flow

        network = raft_flow(wanted.weights["raft"], clips.compute)
        with clips.show_large(network, [name for name in SYSTEMS if name not in STILL]) as flows:
            lines.update(score_flow(flows, clips.inputs.fps_hz, moving, wanted.table))
