"""Parameters of the metrics whose lines a protocol decides: N-way accuracy, and what CLIP's networks say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Self

from brainflix.evaluate.metric_params import About, MetricParams, nway_name
from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.ranges import CORRELATION, RATE
from brainflix.parts.params import Count, Counts, Ways


class NwayParams(MetricParams):
    """Which N-way accuracies there are."""

    ways: Ways = (2, 50)
    true_classes: Counts = (1, 3)
    leads: Count = 1
    trained_frames: bool = True

    @classmethod
    def under(cls, protocol: Protocol, *, bug_compat: bool = False) -> Self:
        """Return those of the protocol."""
        return cls(
            ways=protocol.ways,
            true_classes=protocol.true_classes,
            leads=protocol.leads,
            trained_frames=protocol.trained_frames,
        )

    def lines(self) -> Mapping[str, About]:
        """Return a line for each level, number of choices and number of right classes."""
        levels = {
            "video": ("videomae", "video classifier"),
            # At VideoMAE's own number of frames.
            "video_16f": ("videomae", "video classifier at 16 frames"),
            "frame": ("vit", "image classifier, mean over frames"),
        }
        found = {}
        for level, n, g in product(levels, self.ways, self.true_classes):
            if level == "video_16f" and not self.trained_frames:
                continue
            key, judge = levels[level]
            found[nway_name(n, level, g)] = About(
                about=f"{n}-way accuracy, {judge}, {g} true class{'es' if g > 1 else ''}, exact",
                primary=level == "video" and g == self.leads,
                weights=(key,),
                frames=2 if level == "video" else 1,
                within=RATE,
            )
        return found


class ClipParams(MetricParams):
    """Which of CLIP's lines there are."""

    gated_consistency: bool = False

    @classmethod
    def under(cls, protocol: Protocol, *, bug_compat: bool = False) -> Self:
        """Return those of the protocol."""
        return cls(gated_consistency=protocol.gated_consistency)

    def lines(self) -> Mapping[str, About]:
        """Return the lines, the published gate's among them where the protocol has it."""
        clips = {"b32": ("clip_b32", "CLIP ViT-B/32"), "l14": ("clip_l14", "CLIP ViT-L/14")}
        vifi, video = "vifi", "cosine of the mean over frames with the truth's"
        found = {
            f"clip_score_{suffix}": About(
                about=f"cosine of frames with the truth's, {said}", weights=(key,), within=CORRELATION
            )
            for suffix, (key, said) in clips.items()
        }
        for suffix, (key, said) in clips.items():
            found[f"clip_score_video_{suffix}"] = About(about=f"{video}, {said}", weights=(key,), within=CORRELATION)
        found[vifi] = About(about=f"{video}, ViFi-CLIP", weights=(vifi,), within=CORRELATION)
        for name, suffix, pairs in (("clip_tc", "b32", "adjacent"), ("clip_tc_all", "l14", "all")):
            key, said = clips[suffix]
            about = f"cosine of {pairs} pairs of frames of the prediction itself, {said}; a static clip scores 1"
            own = About(about=about, weights=(key,), frames=2, higher_is_better=None, within=CORRELATION)
            found |= {name: own, f"{name}_truth": replace(own, about="that of the truth")}
            found[f"{name}_difference"] = About(
                about=f"|{name} - that of the truth|",
                weights=(key,),
                frames=2,
                higher_is_better=False,
                within=(0.0, 2.0),
            )
        if self.gated_consistency:
            about = "clip_tc, set to 0 where vifi is no more than 0.6; compares with no ungated score"
            found["clip_tc_gated"] = About(about=about, weights=("clip_b32", vifi), frames=2, within=CORRELATION)
        found["identification_clip"] = identification("CLIP ViT-L/14", "clip_l14")
        return found


def identification(said: str, key: str) -> About:
    """Return what a reader must know of identification by a network's features."""
    rule = "correlates more with its own truth than with another clip's, frame by frame"
    return About(about=f"how often it {rule}, {said}", weights=(key,), clips=2, within=RATE, ranks=True)
