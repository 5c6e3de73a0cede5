"""Captions of clips of a data set without any, decoded from BLIP's tokens (docs/methods/brain-netflix.md, Captions)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.datasets.base import Dataset
from brainflix.io.weights import resolve_weights
from brainflix.models.blip import Search, load_captioner
from brainflix.parts.contract import Job, Tools
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.schema import Targets
from brainflix.targets.caption_params import BlipCaptionParams

_SEARCH = ("beams", "repetition_penalty", "max_length", "min_length")


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Put the tokens of every clip into words."""
    tokens, params = Targets.load(inputs["tokens"][0]), BlipCaptionParams.model_validate(job.params)
    captions = caption_tokens(tokens.values, params, tools)
    tokens.clips.save(out)
    made = Captions(captions, tokens.clips.ids, str(inputs["tokens"][0].ref), describe(captions))
    made.save(out)
    return dict(made.attrs)


def caption_tokens(values: np.ndarray, params: BlipCaptionParams, tools: Tools) -> tuple[str, ...]:
    """Return a caption for each clip's visual tokens, (n_clips, n_tokens, width).

    Raises:
        DataError: the values are not visual tokens of the captioner's width.
    """
    captioner = load_captioner(resolve_weights(params.weights, params.revision), tools.compute())
    search = Search(**params.model_dump(include=set(_SEARCH)))
    starts = tools.progress.track(list(range(0, len(values), tools.clips_per_batch)), "batches of clips")
    batches = [captioner.captions(values[i : i + tools.clips_per_batch], search) for i in starts]
    return tuple(caption for batch in batches for caption in batch)


def describe(captions: tuple[str, ...]) -> dict[str, float]:
    """Return how many captions there are, and the share of distinct ones: few mean that the tokens hardly differ."""
    return {"n_captions": len(captions), "distinct": len(set(captions)) / max(1, len(captions))}
