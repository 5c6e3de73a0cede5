"""BLIP's captioner as its authors released it, as transformers' `BlipForConditionalGeneration` (Li et al. 2022).

The vision tower has other names there, the text decoder the same ones. Sizes are read off the weights; how many heads
there are cannot be, and every published one has 64 channels a head (docs/methods/brain-netflix.md, Checkpoints).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import BlipConfig, BlipForConditionalGeneration, PreTrainedTokenizerBase

from brainflix.device import seeded_init
from brainflix.errors import DataError, UsageError
from brainflix.models.weights import load_strict

State = Mapping[str, Tensor]
HEAD_CHANNELS = 64
# The word that a caption starts with: BERT does not know it, and some tokenizers had it added.
START = "[DEC]"
# What a file of the whole pretraining holds beside the captioner: text encoder, matching, and their slow copies.
SURPLUS = re.compile(
    r"(text_encoder|visual_encoder_m|text_encoder_m|(vision|text)_proj(_m)?|itm_head)\."
    r"|(temp|image_queue|text_queue|queue_ptr|idx_queue|ptr_queue)$"
)
_VISION = (
    (r"^visual_encoder\.cls_token$", "vision_model.embeddings.class_embedding"),
    (r"^visual_encoder\.pos_embed$", "vision_model.embeddings.position_embedding"),
    (r"^visual_encoder\.patch_embed\.proj\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual_encoder\.norm\.", "vision_model.post_layernorm."),
    (r"^visual_encoder\.blocks\.(\d+)\.norm([12])\.", r"vision_model.encoder.layers.\1.layer_norm\2."),
    (r"^visual_encoder\.blocks\.(\d+)\.attn\.qkv\.", r"vision_model.encoder.layers.\1.self_attn.qkv."),
    (r"^visual_encoder\.blocks\.(\d+)\.attn\.proj\.", r"vision_model.encoder.layers.\1.self_attn.projection."),
    (r"^visual_encoder\.blocks\.(\d+)\.mlp\.", r"vision_model.encoder.layers.\1.mlp."),
)
_POSITIONS = "text_decoder.bert.embeddings.position_ids"
_WORDS = "text_decoder.bert.embeddings.word_embeddings.weight"
_HEAD = "text_decoder.cls.predictions"
# Two names of one tensor, of which a file may hold one or both.
_TIED = ((f"{_HEAD}.decoder.weight", _WORDS), (f"{_HEAD}.decoder.bias", f"{_HEAD}.bias"))


def released_captioner(
    state: State, tokenizer: PreTrainedTokenizerBase, *, vision_heads: int | None = None, text_heads: int | None = None
) -> tuple[BlipForConditionalGeneration, tuple[str, ...]]:
    """Return the captioner of a released state dict, in float32, and the names of what is no part of it.

    Args:
        state: weights by their released names.
        tokenizer: BERT's; the decoder has two more words, the first of which starts a caption.
        vision_heads, text_heads: attention heads; by default as many as give each 64 channels.

    Raises:
        DataError: a missing, extra, misshapen or not finite weight, by name, two copies of one that differ, or a
            tokenizer with more words than the decoder.
        UsageError: heads that do not fit the width.
    """
    surplus = tuple(sorted(name for name in state if SURPLUS.match(name)))
    weights = _renamed({name: each for name, each in state.items() if name not in surplus})
    config = BlipConfig(
        vision_config=_vision_sizes(weights, vision_heads), text_config=_text_sizes(weights, tokenizer, text_heads)
    )
    with seeded_init(0):
        model = BlipForConditionalGeneration(config)
    load_strict(model, weights)
    return model.eval(), surplus


def _renamed(state: State) -> dict[str, Tensor]:
    """Return the weights in float32 under transformers' names, those that are tied under both of theirs."""
    weights = {_name(name): each.float() for name, each in state.items() if name != _POSITIONS}
    for name, each in weights.items():
        if not torch.isfinite(each).all():
            raise DataError(f"{name} holds NaN or infinity", next="fetch the checkpoint again")
    for copy, source in _TIED:
        found = [weights[name] for name in (copy, source) if name in weights]
        if len(found) == 2 and not torch.equal(*found):
            raise DataError(f"{copy} and {source} differ", why="a released captioner has one tensor under both names")
        if found:
            weights |= {copy: found[0], source: found[0]}
    return weights


def _name(name: str) -> str:
    for pattern, theirs in _VISION:
        if re.match(pattern, name):
            return re.sub(pattern, theirs, name)
    return name


def _vision_sizes(weights: State, heads: int | None) -> dict[str, Any]:
    embeddings, layers = "vision_model.embeddings", "vision_model.encoder.layers"
    width, patch = (
        _axis(weights, f"{embeddings}.class_embedding", 2),
        _axis(weights, f"{embeddings}.patch_embedding.weight", 2),
    )
    patches = _axis(weights, f"{embeddings}.position_embedding", 1) - 1
    side = math.isqrt(max(patches, 0))
    if not side or side**2 != patches:
        raise DataError(f"the vision tower has places for {patches} patches", why="they should fill a square")
    return {
        "hidden_size": width,
        "intermediate_size": _axis(weights, f"{layers}.0.mlp.fc1.weight", 0),
        "num_hidden_layers": _depth(weights, layers),
        "num_attention_heads": _heads(width, heads, "vision_heads"),
        "image_size": side * patch,
        "patch_size": patch,
        # The released tower's; transformers' own default is another.
        "layer_norm_eps": 1e-6,
    }


def _text_sizes(weights: State, tokenizer: PreTrainedTokenizerBase, heads: int | None) -> dict[str, Any]:
    layers = "text_decoder.bert.encoder.layer"
    n_words, width = _axis(weights, _WORDS, 0), _axis(weights, _WORDS, 1)
    start = tokenizer.get_vocab().get(START, len(tokenizer))
    if start >= n_words:
        raise DataError(
            f"the tokenizer has {start} words, the decoder {n_words}",
            why="the decoder has the tokenizer's and one that starts a caption",
            next="give the tokenizer of bert-base-uncased",
        )
    return {
        "vocab_size": n_words,
        "bos_token_id": start,
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "hidden_size": width,
        "encoder_hidden_size": _axis(weights, f"{layers}.0.crossattention.self.key.weight", 1),
        "intermediate_size": _axis(weights, f"{layers}.0.intermediate.dense.weight", 0),
        "num_hidden_layers": _depth(weights, layers),
        "num_attention_heads": _heads(width, heads, "text_heads"),
        "max_position_embeddings": _axis(weights, "text_decoder.bert.embeddings.position_embeddings.weight", 0),
    }


def _axis(weights: State, name: str, axis: int) -> int:
    if name not in weights or weights[name].ndim <= axis:
        raise DataError("the weights are no released BLIP captioner", why=f"missing {name}, or it has too few axes")
    return int(weights[name].shape[axis])


def _depth(weights: State, layers: str) -> int:
    """Return one more than the highest number of a layer; never more than there are weights."""
    numbers = [int(found[1]) for name in weights if (found := re.match(rf"{re.escape(layers)}\.(\d+)\.", name))]
    return min(max(numbers, default=0) + 1, len(weights))


def _heads(width: int, asked: int | None, word: str) -> int:
    heads = asked or max(1, width // HEAD_CHANNELS)
    if width % heads:
        raise UsageError(f"{width} channels do not fit {heads} heads", next=f"set {word} to a number that divides them")
    return heads
