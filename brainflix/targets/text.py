"""Token states of captions: what a text-conditioned generator attends to (Brain Netflix's c, spec 3.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, CLIPTextModel

from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.device import Compute
from brainflix.io.weights import resolve_weights
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Targets
from brainflix.targets.params import CaptionParams


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Encode every clip's caption; the result has shape (n_clips, n_tokens, width)."""
    params, compute = CaptionParams.model_validate(job.params), tools.compute()
    folder = resolve_weights(params.weights, params.revision)
    clips = dataset.load_clips(inputs["stimuli"][0].path)
    # Captions repeat; encode each once, in a fixed order, so that equal captions get equal bits.
    distinct = sorted(set(clips.caption))
    states = encode_captions(distinct, folder / params.subfolder, folder / params.tokenizer, compute)
    place = {caption: i for i, caption in enumerate(distinct)}
    values = states[[place[caption] for caption in clips.caption]]
    Targets(values, clips, {"axes": "clip, token, width"}).save(out, dtype="float16")
    return {"n_distinct_captions": len(distinct)}


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
