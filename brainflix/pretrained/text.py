"""Token states of texts from a CLIP text tower, as the pipeline that the tower belongs to computes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, CLIPTextModel, PreTrainedTokenizerBase

from brainflix.device import Compute

_AT_ONCE = 256


@torch.inference_mode()
def encode_captions(captions: list[str], tower: Path, tokenizer: Path, compute: Compute) -> np.ndarray:
    """Return the last hidden states of captions, float32 array of shape (n_captions, n_tokens, width).

    Whether what fills a caption up is hidden from the tower is in the tower's own configuration (`use_attention_mask`).
    Most do not say, and then nothing is hidden (docs/methods/brain-netflix.md, Token states c).
    """
    words = AutoTokenizer.from_pretrained(tokenizer)
    model = CLIPTextModel.from_pretrained(tower, dtype=compute.dtype).to(compute.device).eval()
    n_tokens = _n_tokens(words, int(model.config.max_position_embeddings))
    hides = bool(getattr(model.config, "use_attention_mask", False))
    states = []
    for start in range(0, len(captions), _AT_ONCE):
        batch = captions[start : start + _AT_ONCE]
        tokens = words(batch, padding="max_length", max_length=n_tokens, truncation=True, return_tensors="pt")
        mask = tokens["attention_mask"].to(compute.device) if hides else None
        hidden = model(tokens["input_ids"].to(compute.device), attention_mask=mask).last_hidden_state
        states.append(hidden.float().cpu().numpy())
    return np.concatenate(states)


def cut_note(captions: Iterable[str], words: PreTrainedTokenizerBase, n_tokens: int) -> dict[str, object]:
    """Return what a manifest notes of captions that are too long to be read whole; nothing if there are none.

    Args:
        captions: the texts.
        words: the tokenizer.
        n_tokens: tokens that the text tower reads, with those of start and end.
    """
    said = list(captions)
    counts = [len(ids) for ids in words(said)["input_ids"]] if said else []
    n_cut = sum(count > n_tokens for count in counts)
    if not n_cut:
        return {}
    return {"captions cut": f"{n_cut} of {len(said)} have more than {n_tokens} tokens; the text tower reads no further"}


def note_cut(captions: Iterable[str], tokenizer: Path, n_tokens: int) -> dict[str, object]:
    """Do what `cut_note` does with the tokenizer of a folder."""
    return cut_note(captions, AutoTokenizer.from_pretrained(tokenizer), n_tokens)


def _n_tokens(words: PreTrainedTokenizerBase, most: int) -> int:
    """Return how many tokens a caption becomes: what its tokenizer says, if the tower has places for as many."""
    return min(int(words.model_max_length), most)
