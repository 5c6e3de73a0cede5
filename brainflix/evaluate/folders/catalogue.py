"""The metrics of `score` that need a network: what each is, and which weights it takes (docs/scoring.md, Metrics).

Weights are named by their key in `models.checkpoints.CHECKPOINTS` or `models.vision.BACKBONES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.video_metrics import METRICS

FEATURES = "features"
LPIPS = "lpips"


@dataclass(frozen=True)
class ModelMetric:
    """What a reader must know of a metric, and the keys of the weights it needs."""

    name: str
    about: str
    needs: tuple[str, ...]
    primary: bool = False
    unit: str = ""
    higher_is_better: bool = True


# N-way by level: the weights' key, and what is judged. "_16f" is the level at VideoMAE's own number of frames.
LEVELS = {
    "video": ("videomae", "video classifier"),
    "video_16f": ("videomae", "video classifier at 16 frames"),
    "frame": ("vit", "image classifier, mean over frames"),
}
# Which of the CLIP checkpoints, how it is said, and the suffix of the score's name.
CLIPS = {"b32": ("clip_b32", "CLIP ViT-B/32"), "l14": ("clip_l14", "CLIP ViT-L/14")}
# Consistency: the CLIP checkpoint and the pairs of frames (docs/scoring.md, Temporal consistency).
CONSISTENCY: dict[str, tuple[str, Literal["adjacent", "all"]]] = {
    "clip_tc": ("clip_b32", "adjacent"),
    "clip_tc_all": ("clip_l14", "all"),
}
# Identification and distance by metric: the layer's name in `models.vision.LAYERS`, its weights' key, how it is said.
IDENTIFICATION = {
    "identification_alex2": ("alex2", "alexnet", "AlexNet, second convolution"),
    "identification_alex5": ("alex5", "alexnet", "AlexNet, fifth convolution"),
    "identification_inception": ("inception", "inception", "Inception v3, pooled"),
}
DISTANCES = {
    "effnet_distance": ("effnet", "effnet", "EfficientNet-B1, pooled"),
    "swav_distance": ("swav", "swav", "SwAV ResNet-50, pooled"),
}
RAFT = ("epe_raft", "epe_raft_static", "skill_raft", "flow_cosine_raft")
PER_SECOND = RAFT[:2]
MOVING = (*CONSISTENCY, *(f"{name}_{what}" for name in CONSISTENCY for what in ("truth", "difference")), *RAFT)


def nway_name(n: int, level: str, g: int) -> str:
    """Return the name of an N-way accuracy, as nway_50_video_g1 or nway_50_video_g1_16f."""
    kind, _, suffix = level.partition("_")
    return f"nway_{n}_{kind}_g{g}" + (f"_{suffix}" if suffix else "")


def curve_name(level: str, g: int) -> str:
    """Return the name of N-way accuracy over all n, as nway_video_g1."""
    return nway_name(0, level, g).replace("nway_0_", "nway_")


def names_of_level(level: str, protocol: Protocol) -> set[str]:
    """Return the names of a protocol's N-way accuracies of one level."""
    return {nway_name(n, level, g) for n, g in product(protocol.ways, protocol.true_classes)}


def model_metrics(protocol: Protocol) -> dict[str, ModelMetric]:
    """Return the metrics of a protocol that need a network, by name, in the order of the table."""
    found = [*_classes(protocol), *_embeddings(protocol), *_deep(), *_flow()]
    set_level = "of whole sets of clips, on given features; says nothing of decoding"
    found.append(ModelMetric("fvd", f"Frechet distance {set_level}", (FEATURES,), higher_is_better=False))
    found.append(ModelMetric("kvd", f"unbiased kernel distance {set_level}", (FEATURES,), higher_is_better=False))
    return {metric.name: metric for metric in found}


def describe_metrics(protocol: Protocol) -> list[dict[str, str]]:
    """Return the metrics of a protocol: name, about, unit, and what each needs beside the clips."""
    named = {*protocol.ssim, *protocol.extra, *protocol.bug_extra}
    found = []
    for name, metric in METRICS.items():
        needs = ["--bug-compat"] if name in protocol.bug_extra else ["to be asked for"] if metric.asked else []
        needs += ["frame rates"] if metric.timed else []
        if name in named or not metric.special:
            found.append({"name": name, "about": metric.about, "unit": metric.unit, "needs": ", ".join(needs)})
    for name, modelled in model_metrics(protocol).items():
        about = {"name": name, "about": modelled.about, "unit": modelled.unit, "needs": ", ".join(modelled.needs)}
        found.append(about)
    return found


def families(metrics: dict[str, ModelMetric]) -> dict[str, tuple[str, ...]]:
    """Return the names that mean several metrics: one that never stands alone, and whole families."""
    together = {name: (name, f"{name}_truth", f"{name}_difference") for name in CONSISTENCY}
    prefixes = ("nway", "identification", "clip_score")
    return {
        **{prefix: tuple(name for name in metrics if name.startswith(prefix)) for prefix in prefixes},
        **together,
        "epe_raft": RAFT[:3],
    }


def _classes(protocol: Protocol) -> list[ModelMetric]:
    found = []
    for level, n, g in product(LEVELS, protocol.ways, protocol.true_classes):
        if level == "video_16f" and not protocol.trained_frames:
            continue
        key, judge = LEVELS[level]
        about = f"{n}-way accuracy, {judge}, {g} true class{'es' if g > 1 else ''}, exact"
        found.append(ModelMetric(nway_name(n, level, g), about, (key,), primary=level == "video" and g == 1))
    return found


def _embeddings(protocol: Protocol) -> list[ModelMetric]:
    found = []
    for suffix, (key, said) in CLIPS.items():
        found.append(ModelMetric(f"clip_score_{suffix}", f"cosine of frames with the truth's, {said}", (key,)))
    for suffix, (key, said) in CLIPS.items():
        about = f"cosine of the mean over frames with the truth's, {said}"
        found.append(ModelMetric(f"clip_score_video_{suffix}", about, (key,)))
    found.append(ModelMetric("vifi", "cosine of the mean over frames with the truth's, ViFi-CLIP", ("vifi",)))
    for name, (key, pairs) in CONSISTENCY.items():
        said = dict(CLIPS.values())[key]
        about = f"cosine of {pairs} pairs of frames of the prediction itself, {said}; a static clip scores 1"
        found.append(ModelMetric(name, about, (key,)))
        found.append(ModelMetric(f"{name}_truth", "that of the truth", (key,)))
        about = f"|{name} - that of the truth|"
        found.append(ModelMetric(f"{name}_difference", about, (key,), higher_is_better=False))
    if protocol.gated_consistency:
        about = "clip_tc, set to 0 where vifi is no more than 0.6; compares with no ungated score"
        found.append(ModelMetric("clip_tc_gated", about, ("clip_b32", "vifi")))
    return found


def _deep() -> list[ModelMetric]:
    rule = "correlates more with its own truth than with another clip's, frame by frame"
    found = [ModelMetric("identification_clip", f"how often it {rule}, CLIP ViT-L/14", ("clip_l14",))]
    for name, (_, key, said) in IDENTIFICATION.items():
        found.append(ModelMetric(name, f"how often it {rule}, {said}", (key,)))
    for name, (_, key, said) in DISTANCES.items():
        about = f"1 - correlation with the truth's features, {said}"
        found.append(ModelMetric(name, about, (key,), higher_is_better=False))
    about = "LPIPS (alex, v0.1)"
    found.append(ModelMetric("lpips", about, (LPIPS,), higher_is_better=False))
    return found


def _flow() -> list[ModelMetric]:
    unit = "diagonals/s"
    return [
        ModelMetric("epe_raft", "end-point error of RAFT flow", ("raft",), unit=unit, higher_is_better=False),
        ModelMetric("epe_raft_static", "that of a still clip", ("raft",), unit=unit, higher_is_better=False),
        ModelMetric("skill_raft", "1 - end-point error / that of a still clip, RAFT", ("raft",)),
        ModelMetric("flow_cosine_raft", "cosine of RAFT flow", ("raft",)),
    ]
