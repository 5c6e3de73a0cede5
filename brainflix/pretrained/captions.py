"""Visual tokens into words, by BLIP's text decoder."""

from __future__ import annotations

import numpy as np

from brainflix.io.weights import resolve_weights
from brainflix.parts.work import Tools
from brainflix.pretrained.blip import Search, load_captioner
from brainflix.pretrained.params import BlipCaptionParams

_SEARCH = ("beams", "repetition_penalty", "max_length", "min_length")


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
