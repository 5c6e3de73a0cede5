"""Captions of clips of a data set without any, decoded from BLIP's tokens (docs/methods/brain-netflix.md, Captions)."""

from __future__ import annotations

from pathlib import Path

from brainflix.parts.contract import Job, Tools
from brainflix.parts.dataset import Dataset
from brainflix.pretrained.captions import caption_tokens, describe
from brainflix.pretrained.params import BlipCaptionParams
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.schema import Targets


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
