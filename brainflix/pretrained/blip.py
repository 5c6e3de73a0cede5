"""The two halves of a BLIP captioner, each loaded by itself: pixels to visual tokens, visual tokens to text.

Both come from one folder of transformers' `BlipForConditionalGeneration`; what lies between them is what a decoder of
brain activity predicts (docs/methods/brain-netflix.md, Visual tokens b, Captions).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BlipVisionModel, GenerationConfig, PreTrainedTokenizerBase
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

from brainflix.device import Compute
from brainflix.errors import DataError

PREFIX = "a picture of"


@dataclass(frozen=True)
class Search:
    """How a caption is searched for; lengths are in tokens and count the four of the prefix.

    Attributes:
        beams: captions that are followed side by side; 1 is greedy.
        repetition_penalty: a word that was said already, the prefix's too, has its score divided by this (multiplied
            if it is below zero); 1 switches it off.
        max_length, min_length: tokens at most, and tokens before which no caption ends.
    """

    beams: int
    repetition_penalty: float
    max_length: int
    min_length: int


@dataclass(frozen=True, eq=False)
class Captioner:
    """The text decoder, its tokenizer, and the dtype that visual tokens are given in."""

    decoder: BlipTextLMHeadModel
    tokenizer: PreTrainedTokenizerBase
    compute: Compute

    @property
    def prefix(self) -> list[int]:
        """Ids that every caption starts with: the start of decoding, then "a picture of", and no end."""
        words = self.tokenizer(PREFIX, add_special_tokens=False)["input_ids"]
        return [int(self.decoder.config.bos_token_id), *words]

    @torch.inference_mode()
    def ids(self, tokens: np.ndarray, search: Search) -> torch.Tensor:
        """Return the ids of captions, prefix included, padded to the longest: int64 (n_clips, at most max_length).

        Args:
            tokens: visual tokens of shape (n_clips, n_tokens, width).
            search: how to search.

        Raises:
            DataError: the tokens have another width than the decoder reads.
        """
        width = int(self.decoder.config.encoder_hidden_size)
        if tokens.ndim != 3 or tokens.shape[2] != width:
            raise DataError(f"visual tokens are {tokens.shape[1:]}, the captioner reads (any number, {width})")
        seen = torch.from_numpy(tokens).to(self.compute.device, self.compute.dtype)
        start = torch.tensor([self.prefix] * len(tokens), device=seen.device)
        found: torch.Tensor = self.decoder.generate(
            input_ids=start,
            attention_mask=torch.ones_like(start),
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long, device=seen.device),
            generation_config=self._generation(search),
        )
        return found

    def captions(self, tokens: np.ndarray, search: Search) -> list[str]:
        """Return the texts for visual tokens (n_clips, n_tokens, width), without the prefix; raises as `ids`."""
        said = self.ids(tokens, search)[:, len(self.prefix) :].tolist()
        return [" ".join(text.split()) for text in self.tokenizer.batch_decode(said, skip_special_tokens=True)]

    def _generation(self, search: Search) -> GenerationConfig:
        config = self.decoder.config
        # Captions end with [SEP]; the checkpoint's own eos_token_id is another token that it never says.
        return GenerationConfig(
            do_sample=False,
            num_beams=search.beams,
            repetition_penalty=search.repetition_penalty,
            max_length=search.max_length,
            min_length=search.min_length,
            bos_token_id=config.bos_token_id,
            eos_token_id=config.sep_token_id,
            pad_token_id=config.pad_token_id,
        )


def load_captioner(folder: Path, compute: Compute) -> Captioner:
    """Load the text decoder and its tokenizer, ready for inference.

    Raises:
        DataError: the folder does not hold such a decoder.
    """
    decoder = _load_half(BlipTextLMHeadModel, folder, "text_decoder", compute)
    return Captioner(decoder, AutoTokenizer.from_pretrained(folder), compute)


def load_vision_tower(folder: Path, compute: Compute) -> BlipVisionModel:
    """Load the vision tower, ready for inference.

    Raises:
        DataError: the folder does not hold such a tower.
    """
    return _load_half(BlipVisionModel, folder, "vision_model", compute)


@torch.inference_mode()
def visual_tokens(tower: BlipVisionModel, pixels: torch.Tensor) -> torch.Tensor:
    """Return the tokens after the final norm, (n_images, 1 + patches, width), of pixels (n_images, 3, H, W).

    The table of positions is resized to the image (bicubic), its entry of the class token left as it is.
    """
    hidden: torch.Tensor = tower(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
    return hidden


def _load_half(half: Any, folder: Path, name: str, compute: Compute) -> Any:
    """Load one half of the captioner; the other's weights are not read."""
    inner = {rf"^{name}\.": ""}
    model, found = half.from_pretrained(folder, dtype=compute.dtype, key_mapping=inner, output_loading_info=True)
    if found["missing_keys"]:
        why = f"{len(found['missing_keys'])} weights of its {name} are absent, such as {min(found['missing_keys'])}"
        raise DataError(f"{folder.name} holds no BLIP captioner", why=why)
    return model.to(compute.device).eval()
