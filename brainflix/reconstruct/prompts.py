"""Predicted captions as token states of a pipeline's own text tower (docs/methods/brain-netflix.md, Captions)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from brainflix.device import Compute
from brainflix.errors import DataError, UsageError
from brainflix.pretrained.text import encode_captions
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions


def check_one_source(roles: Collection[str]) -> None:
    """Check that not both `prompt` and `caption` are given.

    Raises:
        UsageError: they are.
    """
    if "prompt" in roles and "caption" in roles:
        raise UsageError(
            "a generator takes the input prompt or the input caption, not both",
            why="each says under which words a clip is denoised",
            next="leave one of them out of the step's inputs",
        )


def encode_predicted(folder: Path, artifact: Artifact, compute: Compute) -> dict[str, np.ndarray]:
    """Return the token states (n_tokens, width) of each distinct caption of an artifact.

    Args:
        folder: the pipeline, in the Hub's layout.
        artifact: the predicted captions.
        compute: device and dtype.

    Raises:
        DataError: the artifact holds no captions.
    """
    if not Captions.are_in(artifact):
        raise DataError(f"{artifact.ref} holds no captions", next="give token states as prompt instead of caption")
    distinct = sorted(set(Captions.load(artifact).captions))
    states = encode_captions(distinct, folder / "text_encoder", folder / "tokenizer", compute)
    return dict(zip(distinct, states, strict=True))


def states_of(captions: np.ndarray, states: dict[str, np.ndarray]) -> np.ndarray:
    """Return the states of captions (n_clips,), one after the other: (n_clips, n_tokens, width)."""
    return np.stack([states[caption] for caption in captions.tolist()])


def check_states(prompts: np.ndarray) -> None:
    """Check that what came as `prompt`, (n_clips, n_tokens, width), is numbers.

    Raises:
        DataError: it is words.
    """
    if prompts.dtype.kind == "U":
        raise DataError("words came as the prompt, which is token states", next="give them as caption instead")
