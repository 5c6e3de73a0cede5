"""What can be named in a recipe: category -> name -> where the code is, and one line about it.

A plain dict: listing it imports nothing heavy. Other packages add parts through the entry-point group "brainflix.parts"
(entry name `category:name`, value `module:attribute`).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from brainflix.errors import UsageError

ENTRY_POINTS = "brainflix.parts"


@dataclass(frozen=True)
class Part:
    """One named part.

    Attributes:
        target: `module:attribute` of the function or class that does the work.
        params: `module:Class` of the frozen pydantic model of its parameters.
        summary: one line for `brainflix list`.
    """

    target: str
    params: str
    summary: str

    def load(self) -> Any:
        """Import and return the part's code."""
        return _load(self.target)

    def load_params(self) -> Any:
        """Import and return the class of the part's parameters (light)."""
        return _load(self.params)


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


PARTS: dict[str, dict[str, Part]] = {
    "dataset": {
        "demo": Part(
            "brainflix.datasets.demo:DATASET",
            "brainflix.datasets.demo:DemoParams",
            "embedded simulation in CC2017's layout: 3 subjects, 20 segments of 60 two-second clips",
        ),
    },
    "preprocess": {
        "cc2017": Part(
            "brainflix.preprocess.cc2017:preprocess",
            "brainflix.preprocess.params:Cc2017Params",
            "trim to the clips, polynomial detrend, z-score, reproducibility selection",
        ),
    },
    "align": {
        "none": Part(
            "brainflix.align.methods:identity", "brainflix.align.params:AlignParams", "keep each subject's own columns"
        ),
        "procrustes": Part(
            "brainflix.align.methods:procrustes",
            "brainflix.align.params:AlignParams",
            "rotate each subject onto an iterated group template",
        ),
        "ridge": Part(
            "brainflix.align.methods:ridge",
            "brainflix.align.params:RidgeAlignParams",
            "ridge map of each subject onto an iterated group template",
        ),
    },
    "targets": {
        "frames": Part(
            "brainflix.targets.frames:extract",
            "brainflix.targets.params:FramesParams",
            "the clips' frames at a fixed clock and size; the ground truth of scores",
        ),
        "captions": Part(
            "brainflix.targets.text:extract",
            "brainflix.targets.params:CaptionParams",
            "token states of the clips' captions from a CLIP text tower",
        ),
        "vae-latents": Part(
            "brainflix.targets.vae:extract",
            "brainflix.targets.params:LatentParams",
            "scaled latents of every frame from a diffusers autoencoder",
        ),
        "clip-video": Part(
            "brainflix.targets.clip:extract",
            "brainflix.targets.params:ClipParams",
            "mean over frames of projected CLIP image embeddings",
        ),
    },
    "train": {
        "masked-brain-modelling": Part(
            "brainflix.train.phases:masked_phase",
            "brainflix.train.params:MaskedParams",
            "masked autoencoder over grayordinate patches, subjects pooled",
        ),
        "clip-contrastive": Part(
            "brainflix.train.phases:contrastive_phase",
            "brainflix.train.params:ContrastiveParams",
            "tune the encoder so that its output matches the clips' CLIP embeddings",
        ),
    },
    "regress": {
        "ridge": Part(
            "brainflix.regress.parts:ridge",
            "brainflix.regress.params:RidgeParams",
            "ridge with alpha by exact cross-validation over runs",
        ),
        "mlp": Part(
            "brainflix.regress.parts:mlp",
            "brainflix.regress.params:MlpParams",
            "one-hidden-layer network on standardised targets, early stop",
        ),
        "encoder": Part(
            "brainflix.regress.parts:encoder",
            "brainflix.regress.params:EncoderParams",
            "the tuned encoder's own output as the prediction",
        ),
    },
    "reconstruct": {
        "zeroscope": Part(
            "brainflix.reconstruct.zeroscope:generate",
            "brainflix.reconstruct.params:ZeroscopeParams",
            "video-to-video diffusion: re-noise the predicted latents, denoise under the predicted prompt",
        ),
    },
    "evaluate": {
        "strict": Part(
            "brainflix.evaluate.protocol:score_videos",
            "brainflix.evaluate.params:StrictParams",
            "every number with chance, interval, p, baselines and ceiling",
        ),
    },
}


@lru_cache(maxsize=1)
def _plugins() -> dict[str, dict[str, Part]]:
    """Parts of other installed packages; read from metadata, their code is not imported."""
    found: dict[str, dict[str, Part]] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        category, _, name = entry.name.partition(":")
        package = entry.dist.name if entry.dist else "a plug-in"
        found.setdefault(category, {})[name] = Part(entry.value, "brainflix.contract:AnyParams", f"from {package}")
    return found


def parts(category: str) -> dict[str, Part]:
    """Return every part of a category by name."""
    return PARTS.get(category, {}) | _plugins().get(category, {})


def find(category: str, name: str) -> Part:
    """Return one part.

    Raises:
        UsageError: no such name; says the nearest one.
    """
    known = parts(category)
    if name not in known:
        raise UsageError(
            f"no {category} part is called {name!r}",
            why=did_you_mean(name, known),
            next=f"brainflix list parts {category}",
        )
    return known[name]


def did_you_mean(name: str, known: object) -> str:
    """Return "did you mean X?" or the list of names if none is near."""
    names = sorted(str(n) for n in known)  # type: ignore[attr-defined]
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
