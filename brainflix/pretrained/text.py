"""Token states of texts from a CLIP text tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, CLIPTextModel

from brainflix.device import Compute


@torch.inference_mode()
def encode_captions(captions: list[str], tower: Path, tokenizer: Path, compute: Compute) -> np.ndarray:
    """Return the last hidden states of captions, float32 array of shape (n_captions, n_tokens, width)."""
    words = AutoTokenizer.from_pretrained(tokenizer)
    model = CLIPTextModel.from_pretrained(tower, dtype=compute.dtype).to(compute.device).eval()
    batches = [captions[i : i + 256] for i in range(0, len(captions), 256)]
    states = []
    for batch in batches:
        tokens = words(batch, padding="max_length", truncation=True, return_tensors="pt").to(compute.device)
        hidden = model(tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state
        states.append(hidden.float().cpu().numpy())
    return np.concatenate(states)
